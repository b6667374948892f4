// Every event as a cell with its number, every cut and every return marked between them: what is lost or comes twice
// would show.
const MAX_CELLS = 600;
/** Events that come closer together than this after a connection stands were made before it did. */
const BURST_MS = 50;

export function createEventStrip(strip, tally) {
  let last = 0;
  let received = 0;
  let lost = 0;
  let twice = 0;
  let cuts = 0;
  let catchingUp = false;
  let lastArrival = 0;

  const append = (className, text) => {
    const cell = document.createElement('span');
    cell.className = className;
    cell.textContent = text;
    strip.append(cell);
    if (strip.childElementCount > MAX_CELLS) strip.firstElementChild.remove();
    strip.scrollTop = strip.scrollHeight;
  };
  const count = () => {
    const cutsText = cuts === 0 ? '' : `, ${cuts} ${cuts === 1 ? 'cut' : 'cuts'}`;
    tally.textContent = `${received} received, ${lost} lost, ${twice} twice${cutsText}`;
    tally.classList.toggle('wrong', lost + twice > 0);
  };

  return {
    clear() {
      last = received = lost = twice = cuts = 0;
      strip.replaceChildren();
      count();
    },
    /** A connection stands, and its events begin after `position`. */
    attach(position, first) {
      catchingUp = true;
      lastArrival = performance.now();
      append('mark back', first ? 'connected' : `↻ resumed after ${position}`);
    },
    cut() {
      cuts++;
      append('mark cut', `✂ cut after ${last}`);
      count();
    },
    add(seq, isEnd = false) {
      const now = performance.now();
      if (now - lastArrival > BURST_MS) catchingUp = false;
      lastArrival = now;
      received++;
      if (seq <= last) twice++;
      else lost += seq - last - 1;
      last = Math.max(last, seq);
      append(isEnd ? 'end' : catchingUp ? 'late' : 'live', String(seq));
      count();
    },
    /** The server says what it no longer has: events up to `seq`. */
    skip(seq) {
      append('mark cut', `gap: ${last + 1} to ${seq} are no longer kept`);
      lost += seq - last;
      last = seq;
      count();
    },
  };
}
