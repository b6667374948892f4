// One connection to the hub for each user of this tab. What makes it the same client after an outage or a reload is kept
// in the session storage; the client does the rest.
import { connectHub } from 'resumable-sse/client';

/** What an event is called here. */
const NAMES = { message: 'for all', news: 'news', direct: 'for you', gap: 'missed' };

/** @type {import('resumable-sse/client').HubConnection | undefined} */
let connection;

/** @returns {any} */
const $ = (id) => document.getElementById(id);
const post = (path, body) =>
  fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

function connect() {
  const user = $('user').value;
  const mine = connectHub(new URL('hub/connect', location.href), {
    storage: sessionStorage,
    storageKey: `hub:${user}`,
    onStateChange: showState,
  });
  connection = mine;
  showState();
  for (const [event, name] of Object.entries(NAMES)) mine.on(event, (data) => add(name, data));
  mine.closed.catch((error) => add('refused', error.message));
}

function showState() {
  const { state = 'closed' } = connection ?? {};
  $('state').textContent = state === 'closed' ? 'offline' : state;
  $('offline').textContent = state === 'closed' ? 'Come back' : 'Go offline';
}

function add(name, data) {
  const line = document.createElement('li');
  const title = document.createElement('b');
  title.textContent = name;
  line.append(title, typeof data === 'string' ? data : (data.text ?? JSON.stringify(data)));
  $('log').append(line);
}

$('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  connection?.close();
  await post(`login/${encodeURIComponent($('user').value)}`, {});
  $('log').replaceChildren();
  $('send').hidden = $('user').value !== 'admin';
  $('offline').disabled = false;
  connect();
});

$('offline').addEventListener('click', () => {
  if (connection?.state === 'closed') connect();
  else connection?.close();
});

$('send').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('text').value;
  const to = $('to').value;
  const answer = await post(to, to === 'hub/broadcast' ? { data: { text } } : { text });
  if (answer.ok) $('text').value = '';
  else add('refused', `status ${answer.status}`);
});
