// The line between the server and this tab: cutting it, and showing what the streams over it do.
import { $, announce } from './element.js';

const OFFLINE_MS = 10_000;
/** The server tells tabs apart by it, to cut one and leave the others alone. */
const TAB = crypto.getRandomValues(new Uint32Array(2)).join('-');

const TEXTS = {
  idle: 'nothing is running',
  connecting: 'connecting',
  open: 'connected',
  waiting: 'cut: about to come back',
};

export function createLine() {
  /** The state of each stream that is not over. */
  const streams = new Map();
  let offlineUntil = 0;

  const show = () => {
    const states = [...streams.values()];
    const state = ['waiting', 'connecting', 'open'].find((each) => states.includes(each)) ?? 'idle';
    const offlineMs = offlineUntil - performance.now();
    const offline = offlineMs > 0;
    $('line').dataset.state = offline ? 'offline' : state;
    $('line-text').textContent = offline ? `offline, ${Math.ceil(offlineMs / 1_000)} s to go` : TEXTS[state];
    $('cut').disabled = offline || state !== 'open';
    $('offline').disabled = offline || state === 'idle';
  };

  const cut = (downMs) => fetch(`line/${TAB}/cut?down_ms=${downMs}`, { method: 'POST' });

  $('cut').addEventListener('click', () => cut(0));
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

  return {
    /** For all requests that go over this line. */
    headers: { 'X-Demo-Tab': TAB },
    /** What a stream does now. */
    report(stream, state) {
      if (state === 'closed') streams.delete(stream);
      else streams.set(stream, state);
      show();
    },
  };
}
