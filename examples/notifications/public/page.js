// Goes offline and comes back as the same client, where it left off.
const clientId = crypto.randomUUID();
let lastEventId = '';
let source;

/** @returns {any} */
const element = (id) => document.getElementById(id);

function connect() {
  const query = new URLSearchParams({ client_id: clientId, ...(lastEventId && { last_event_id: lastEventId }) });
  source = new EventSource(`/hub/connect?${query}`);
  for (const name of ['connected', 'message', 'news', 'direct', 'gap']) {
    source.addEventListener(name, (event) => {
      lastEventId = event.lastEventId || lastEventId;
      const line = document.createElement('li');
      line.textContent = `${name}: ${event.data}`;
      element('log').append(line);
    });
  }
}

element('login').onclick = async () => {
  await fetch(`/login/${encodeURIComponent(element('user').value)}`, { method: 'POST' });
  source?.close();
  connect();
  element('offline').disabled = false;
};

element('offline').onclick = () => {
  const offline = source.readyState === EventSource.CLOSED;
  if (offline) connect();
  else source.close();
  element('offline').textContent = offline ? 'Go offline' : 'Come back';
};
