// The page: starts an import, follows it with the browser's own EventSource, shows what comes.
// The key of the import stands in the address (#…), so that a reload or a second tab finds it again.
import { createEventStrip } from './event-strip.js';
import { showResult } from './result.js';

const MAX_BAD_ROWS_SHOWN = 1_000;
const NOTHING_YET = {
  file: 'Import',
  rows: 0,
  bad_rows: 0,
  rows_per_second: 0,
  elapsed_ms: 0,
  bytes: 0,
  bytes_total: 0,
};

/** @returns {any} */
const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en');
const seqOf = ({ lastEventId }) => Number(lastEventId.split('.')[1]);
const keyInAddress = () => location.hash.slice(1);

const strip = createEventStrip($('strip'), $('tally'));
/** @type {EventSource | undefined} */
let stream;
let taskId = '';

$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [file] = $('file').files;
  const body = new FormData();
  if (file) body.append('file', file);
  $('start').disabled = true;
  showProblem(undefined);
  try {
    const response = await fetch(`imports?rows_per_second=${$('speed').value}`, { method: 'POST', body });
    const answer = await response.json();
    if (response.ok) location.hash = answer.resume_key;
    else showProblem(answer.detail);
  } catch {
    showProblem('The server cannot be reached.');
  }
  $('start').disabled = false;
});

$('file').addEventListener('change', () => {
  const [file] = $('file').files;
  $('start').textContent = file ? `Import ${file.name}` : 'Import the sample';
});

$('cut').addEventListener('click', () => fetch(`tasks/${taskId}/cut`, { method: 'POST' }));
$('cancel').addEventListener('click', () => fetch(`tasks/${taskId}`, { method: 'DELETE' }));
addEventListener('hashchange', followAddress);
$('shell').textContent = [
  `curl -N '${location.origin}/report?steps=20&interval_ms=200'`,
  `curl -i --form file=@orders.csv ${location.origin}/imports   # then curl -N its Location`,
].join('\n');
followAddress();

function followAddress() {
  stream?.close();
  const key = keyInAddress();
  for (const id of ['result', 'bad-rows']) $(id).hidden = true;
  $('job').hidden = key === '';
  if (key !== '') follow(key);
}

function follow(key) {
  taskId = '';
  strip.clear();
  $('bad-list').replaceChildren();
  $('bad-more').hidden = true;
  $('second-tab').href = location.href;
  setStatus('running');
  setConnection('connecting');
  say('The import runs on the server; this page only watches.');
  showProgress(NOTHING_YET);

  // From here on the browser does it all: it reconnects by itself and sends the id of the last event it has.
  const source = new EventSource(`imports?resume_key=${encodeURIComponent(key)}`);
  stream = source;
  source.addEventListener('task', (event) => {
    const { task_id, position, status } = JSON.parse(event.data);
    const first = taskId === '';
    taskId = task_id;
    setConnection('connected');
    strip.attach(position, first);
    if (first && status === 'running') $('job-title').focus({ preventScroll: false });
    if (!first) say(`Connected again: the server goes on after event ${position}.`);
  });
  source.addEventListener('message', (event) => {
    strip.add(seqOf(event));
    showProgress(JSON.parse(event.data));
  });
  source.addEventListener('gap', (event) => strip.skip(seqOf(event)));
  source.addEventListener('complete', (event) => {
    end(event, 'completed', 'The import is complete.');
    showResult(JSON.parse(event.data).result, { section: $('result'), summary: $('summary'), tables: $('tables') });
  });
  source.addEventListener('failed', (event) => {
    end(event, 'failed', `Failed: ${JSON.parse(event.data).error.message}`);
  });
  source.addEventListener('cancelled', (event) => {
    end(event, 'cancelled', `Cancelled: ${JSON.parse(event.data).reason}.`);
  });
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) void explainRefusal(source);
    else if ($('connection').textContent === 'connected') {
      setConnection('reconnecting');
      strip.cut();
      say('The connection is cut. The import goes on; the browser is about to reconnect.');
    }
  });

  /** After the last event there is nothing to reconnect for. */
  function end(event, status, text) {
    source.close();
    strip.add(seqOf(event), true);
    setStatus(status);
    setConnection('closed');
    say(text);
  }
}

/** EventSource does not tell why it was refused; the same request does. */
async function explainRefusal({ url }) {
  setStatus('unknown');
  setConnection('closed');
  const response = await fetch(url, { headers: { Accept: 'text/event-stream' } }).catch(() => undefined);
  const problem = response?.ok === false ? await response.json().catch(() => undefined) : undefined;
  const detail = problem?.detail ?? 'The server does not answer';
  say(`${detail}. Imports live in the server's memory: for an hour after their end, and until it is restarted.`);
}

function showProgress({ file, rows, bad_rows, rows_per_second, elapsed_ms, bytes, bytes_total, new_bad_rows = [] }) {
  $('job-title').textContent = file;
  $('progress').value = bytes_total === 0 ? 0 : bytes / bytes_total;
  $('rows').textContent = whole.format(rows);
  $('rate').textContent = whole.format(rows_per_second);
  $('bad').textContent = whole.format(bad_rows);
  $('seconds').textContent = (elapsed_ms / 1_000).toFixed(1);
  $('bad-rows').hidden = bad_rows === 0;
  const list = $('bad-list');
  for (const { line, reason } of new_bad_rows.slice(0, MAX_BAD_ROWS_SHOWN - list.childElementCount)) {
    const row = list.insertRow();
    const number = row.insertCell();
    number.className = 'number';
    number.textContent = whole.format(line);
    row.insertCell().textContent = reason;
  }
  $('bad-more').hidden = bad_rows <= MAX_BAD_ROWS_SHOWN;
  $('bad-more').textContent = `The first ${MAX_BAD_ROWS_SHOWN} of ${whole.format(bad_rows)} are shown.`;
}

function setStatus(status) {
  $('status').textContent = status;
  $('status').dataset.state = status;
  $('cut').disabled = $('cancel').disabled = status !== 'running';
}

function setConnection(state) {
  $('connection').textContent = state;
  $('connection').dataset.state = state;
}

function say(text) {
  $('note').textContent = text;
}

function showProblem(text) {
  $('problem').hidden = text === undefined;
  $('problem').textContent = text ?? '';
}
