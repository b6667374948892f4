// The line between the server and this tab: cutting it, killing the server, and showing what the streams over it do.
import { $, announce } from './element.js';

const OFFLINE_MS = 10_000;
/** The server tells tabs apart by it, to cut one and leave the others alone. */
const TAB = crypto.getRandomValues(new Uint32Array(2)).join('-');
const HEADERS = { 'X-Demo-Tab': TAB };

const TEXTS = {
  idle: 'nothing is running',
  connecting: 'connecting',
  open: 'connected',
  waiting: 'cut: coming back',
  killed: 'killed: restarting',
};

export function createLine() {
  /** The state of each stream that is not over. */
  const streams = new Map();
  let offlineUntil = 0;
  /** Why the next stream that ends will have ended. */
  let killed = false;
  /** The page is being left, or reloaded: what ends now is not cut. */
  let leaving = false;
  addEventListener('pagehide', () => (leaving = true));
  addEventListener('pageshow', () => (leaving = false));

  const show = () => {
    const states = [...streams.values()];
    const state = ['waiting', 'connecting', 'open'].find((each) => states.includes(each)) ?? 'idle';
    if (state === 'open' || state === 'idle') killed = false;
    const offlineMs = offlineUntil - performance.now();
    const offline = offlineMs > 0;
    $('line').dataset.state = offline ? 'offline' : killed ? 'killed' : state;
    $('line-text').textContent = offline
      ? `offline, ${Math.ceil(offlineMs / 1_000)} s to go`
      : TEXTS[killed ? 'killed' : state];
    for (const id of ['cut', 'kill']) $(id).disabled = offline || state !== 'open';
    $('offline').disabled = offline || state === 'idle';
  };

  const cut = (downMs) => fetch(`line/${TAB}/cut?down_ms=${downMs}`, { method: 'POST' });

  $('cut').addEventListener('click', () => cut(0));
  $('kill').addEventListener('click', () => {
    killed = true;
    announce('The server is killed.');
    // It has no time to answer.
    fetch('line/kill', { method: 'POST', headers: HEADERS }).catch(() => undefined);
  });
  $('offline').addEventListener('click', async () => {
    await cut(OFFLINE_MS);
    offlineUntil = performance.now() + OFFLINE_MS;
    announce('Offline for 10 seconds.');
    const clock = setInterval(show, 250);
    setTimeout(() => {
      clearInterval(clock);
      offlineUntil = 0;
      show();
      // What a browser says when it has a network again; the client comes back at once instead of after its wait.
      dispatchEvent(new Event('online'));
    }, OFFLINE_MS);
    show();
  });
  $('reload').addEventListener('click', () => location.reload());
  fetch('demo.json')
    .then((answer) => answer.json())
    .then(({ can_be_killed }) => ($('kill').hidden = !can_be_killed))
    .catch(() => undefined);

  return {
    /** For all requests that go over this line. */
    headers: HEADERS,
    /** The server was killed, and has not come back yet. */
    get isKilled() {
      return killed;
    },
    get isLeft() {
      return leaving;
    },
    /** What a stream does now. */
    report(stream, state) {
      if (state === 'closed') streams.delete(stream);
      else streams.set(stream, state);
      show();
    },
  };
}
