// An answer that comes token by token. A page that was reloaded finds it in its session storage and asks for a snapshot:
// the text so far, at once, then the tokens that follow.
import { streamTask } from 'resumable-sse/client';
import { $, announce, showProblem, whole } from './element.js';

const STORAGE_KEY = 'answer';
/** Unlike the session storage itself, it keeps an answer that is complete: it is there to be read. */
const storage = {
  getItem: (name) => sessionStorage.getItem(name),
  setItem: (name, value) => sessionStorage.setItem(name, value),
  removeItem: () => undefined,
};

export function createAnswerPanel(line) {
  /** @type {import('resumable-sse/client').TaskConnection<string> | undefined} */
  let current;
  let tokens = 0;

  $('answer-form').addEventListener('submit', (event) => {
    event.preventDefault();
    sessionStorage.removeItem(STORAGE_KEY);
    ask($('question').value);
  });
  $('stop').addEventListener('click', () =>
    current?.cancel().catch((error) => showProblem('answer-problem', error.message)),
  );
  const asked = sessionStorage.getItem('question');
  if (asked !== null && sessionStorage.getItem(STORAGE_KEY) !== null) {
    $('question').value = asked;
    ask(asked);
  }

  function ask(question) {
    current?.close();
    sessionStorage.setItem('question', question);
    showProblem('answer-problem', undefined);
    tokens = 0;
    $('answer-text').replaceChildren();
    $('snapshot').hidden = true;
    $('answer').hidden = false;
    setRunning(true);
    const connection = streamTask(`answers?question=${encodeURIComponent(question)}`, {
      method: 'POST',
      headers: line.headers,
      storage,
      storageKey: STORAGE_KEY,
      resumeFrom: 'snapshot',
      onStateChange: (state) => line.report(connection, state),
      onEvent: (event) => connection === current && show(event),
    });
    current = connection;
    line.report(connection, connection.state);
    connection.result.then(
      () => connection === current && end('The answer is complete.'),
      (error) => connection === current && fail(error),
    );
  }

  function show(event) {
    if (event.kind === 'snapshot') {
      $('answer-text').replaceChildren(textOf('late', event.data));
      $('snapshot').hidden = event.data === '';
      $('characters').textContent = `${whole.format(event.data.length)} characters at once, from a snapshot`;
    }
    if (event.kind !== 'progress') return;
    tokens++;
    let text = $('answer-text').lastElementChild;
    if (text?.className !== 'live') $('answer-text').append((text = textOf('live', '')));
    text.append(event.data);
    $('tokens').textContent = `${whole.format(tokens)} ${tokens === 1 ? 'token' : 'tokens'}, one by one`;
  }

  function end(text) {
    setRunning(false);
    announce(text);
  }

  function fail(error) {
    end('The answer has stopped.');
    if (error.code === 'TASK_CANCELLED') return;
    if (error.status === undefined) showProblem('answer-problem', error.message);
    else {
      // The server does not know it any more: nor need we.
      sessionStorage.removeItem(STORAGE_KEY);
      $('answer').hidden = true;
    }
  }
}

function setRunning(running) {
  $('answer-text').setAttribute('aria-busy', String(running));
  $('stop').disabled = !running;
}

function textOf(className, text) {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = text;
  return span;
}
