// An answer that comes token by token. A page that was reloaded, or a second tab, finds it in its address and asks for a
// snapshot: the text so far, at once, then the tokens that follow.
import { streamTask } from 'resumable-sse/client';
import { keyOf, linkTo, setKey } from './address.js';
import { $, announce, showProblem, whole } from './element.js';

export function createAnswerPanel(line) {
  /** @type {import('resumable-sse/client').TaskConnection<{ at: number, text: string }> | undefined} */
  let current;
  let tokens = 0;

  $('answer-form').addEventListener('submit', (event) => {
    event.preventDefault();
    setKey('answer', undefined);
    follow(`answers?question=${encodeURIComponent($('question').value)}`, { method: 'POST' });
  });
  $('stop').addEventListener('click', () =>
    current?.cancel().catch((error) => showProblem('answer-problem', error.message)),
  );
  addEventListener('hashchange', followAddress);
  followAddress();

  function followAddress() {
    const key = keyOf('answer');
    if (key !== undefined && key !== current?.resumeKey) follow(`answers?resume_key=${encodeURIComponent(key)}`, {});
  }

  function follow(url, start) {
    current?.close();
    showProblem('answer-problem', undefined);
    tokens = 0;
    $('answer-text').replaceChildren();
    $('snapshot').hidden = true;
    $('tokens').textContent = '0 tokens, one by one';
    $('answer').hidden = false;
    setRunning(true);
    /** @type {import('resumable-sse/client').TaskConnection<{ at: number, text: string }>} */
    const connection = streamTask(url, {
      ...start,
      headers: line.headers,
      resumeFrom: 'snapshot',
      onStateChange(state) {
        line.report(connection, state);
        if (connection === current && state === 'open') showLink();
      },
      onEvent: (event) => connection === current && show(event),
    });
    current = connection;
    line.report(connection, connection.state);
    connection.result.then(
      () => connection === current && end('The answer is complete.'),
      (error) => connection === current && fail(error),
    );
  }

  function showLink() {
    setKey('answer', current?.resumeKey);
    $('answer-tab').href = linkTo('answer');
    $('answer-tab').hidden = false;
  }

  function show(event) {
    if (event.kind === 'snapshot') {
      const { question, text } = event.data;
      if (question !== '') $('question').value = question;
      $('answer-text').replaceChildren(textOf('late', text));
      $('snapshot').hidden = text === '';
      $('characters').textContent = `${whole.format(text.length)} characters at once, from a snapshot`;
    }
    if (event.kind !== 'progress') return;
    tokens++;
    let text = $('answer-text').lastElementChild;
    if (text?.className !== 'live') $('answer-text').append((text = textOf('live', '')));
    text.append(event.data.text);
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
      setKey('answer', undefined);
      for (const id of ['answer', 'answer-tab']) $(id).hidden = true;
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
