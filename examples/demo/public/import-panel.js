// Imports: starts one, or follows the one that the address names, so that a reload, a second tab and a link to a phone
// all find it. The client does the rest: it comes back after a cut, and goes on after the last event that it has.
import { streamTask } from 'resumable-sse/client';
import { keyOf, linkTo, setKey } from './address.js';
import { $, announce, showProblem } from './element.js';
import { createEventStrip } from './event-strip.js';
import { createImportView } from './import-view.js';

export function createImportPanel(line) {
  const strip = createEventStrip();
  const view = createImportView();
  /** @type {import('resumable-sse/client').TaskConnection<any> | undefined} */
  let current;
  /** How far the log was when the connection stood has been asked. */
  let headKnown = true;

  $('import-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const [file] = $('file').files;
    const body = new FormData();
    if (file) body.append('file', file);
    watch(`imports?rows_per_second=${$('speed').value}`, { method: 'POST', body });
  });
  $('file').addEventListener('change', showChoice);
  for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) $('drop').addEventListener(type, onDrag);
  $('cancel').addEventListener('click', async () => {
    $('cancel').disabled = true;
    await current?.cancel().catch((error) => {
      $('cancel').disabled = false;
      view.note(`It could not be cancelled: ${error.message}`);
    });
  });
  addEventListener('hashchange', followAddress);
  followAddress();

  function followAddress() {
    const key = keyOf('import');
    if (key === current?.resumeKey) return;
    current?.close();
    for (const id of ['job', 'rates', 'findings']) $(id).hidden = true;
    strip.clear();
    if (key) watch(`imports?resume_key=${encodeURIComponent(key)}`, {});
  }

  function watch(url, start) {
    const started = 'body' in start;
    let attempt = 1;
    current?.close();
    showProblem('problem', undefined);
    strip.clear();
    /** @type {import('resumable-sse/client').TaskConnection<any>} */
    const connection = streamTask(url, {
      ...start,
      headers: line.headers,
      onStateChange(state) {
        const { isKilled } = line; // until the line hears that it stands again
        line.report(connection, state);
        if (connection === current) showConnection(state, { started, isKilled });
      },
      onEvent(event) {
        if (connection !== current) return;
        if (event.kind === 'progress' && event.data.attempt > attempt) {
          attempt = event.data.attempt;
          strip.attempt(attempt, event.seq);
        }
        show(event);
      },
    });
    current = connection;
    line.report(connection, connection.state);
    $('start').disabled = started;
    connection.result.then(
      (result) => connection === current && view.complete(result),
      (error) => connection === current && fail(error),
    );
  }

  function showConnection(state, { started, isKilled }) {
    if (state === 'open') {
      if (!strip.last && current?.resumeKey) strip.rememberAs(current.resumeKey);
      const first = strip.connect();
      headKnown = first && started; // who has started it has missed nothing
      if (first) begin(started);
      else if (isKilled) view.note('Connected to the new server, which takes the import over in a moment.');
      else view.note(`Connected again. The server goes on after event ${strip.last}.`);
    }
    if (state === 'waiting' && !line.isLeft && strip.cut(isKilled ? 'killed' : 'cut')) {
      if (isKilled) view.note('The server is killed. A new one is about to go on with the import.');
      else view.note('The connection is cut. The import goes on without this page.');
    }
  }

  /** The import is there, new or found again. */
  function begin(started) {
    $('start').disabled = false;
    setKey('import', current?.resumeKey);
    $('second-tab').href = linkTo('import');
    view.begin(started);
  }

  function show(event) {
    if (!headKnown) void markLate(current, strip.nextNew);
    headKnown = true;
    if (event.kind === 'gap') strip.skip(event.to);
    else strip.add(event.seq, event.kind !== 'progress');
    if (event.kind === 'progress') view.progress(event.data, event.seq);
  }

  /** What the log had when the connection stood was made without this page looking: it is shown in another colour. */
  async function markLate(connection, from) {
    const answer = await fetch(`tasks/${connection.taskId}`, { headers: line.headers }).catch(() => undefined);
    if (!answer?.ok || connection !== current) return;
    const { last_seq } = await answer.json();
    strip.markLate(from, last_seq);
    view.markLate(from, last_seq);
  }

  function fail(error) {
    $('start').disabled = false;
    const known = !$('job').hidden;
    if (known && ['TASK_CANCELLED', 'SHUTDOWN'].includes(error.code)) view.end('cancelled', 'Cancelled.');
    else if (known && error.code === 'TASK_LOST')
      view.end('failed', 'Lost: the server that ran it is gone. Start it again.');
    else if (known) view.end('failed', error.message);
    else if (error.status === 404 || error.status === 410) {
      showProblem('problem', 'That import is gone: the server keeps it for an hour after its end, and until it stops.');
    } else if (error.code !== 'CLOSED') showProblem('problem', error.message);
  }
}

function showChoice() {
  const [file] = $('file').files;
  $('start').textContent = file ? `Import ${file.name}` : 'Import the sample';
}

function onDrag(event) {
  event.preventDefault();
  $('drop').classList.toggle('over', event.type === 'dragenter' || event.type === 'dragover');
  if (event.type !== 'drop' || event.dataTransfer.files.length === 0) return;
  $('file').files = event.dataTransfer.files;
  showChoice();
  announce(`${event.dataTransfer.files[0].name} is chosen.`);
  $('start').focus();
}
