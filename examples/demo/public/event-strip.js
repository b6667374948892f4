// Every event as a cell with its number, in one row for each connection: what is lost or comes twice would show.
import { whole } from './element.js';

/** The oldest cells go; a strip of ten thousand would slow the page down. */
const MAX_CELLS = 1_000;

export function createEventStrip(list, tally) {
  let counts = { received: 0, lost: 0, doubled: 0, cuts: 0 };
  let last = 0;
  let cells = 0;
  /** The row of the connection that stands, or stood last. @type {{ row: HTMLElement, title: HTMLElement, from: number } | undefined} */
  let connection;
  let connected = false;
  let connections = 0;
  let cutAtMs = 0;

  const showCounts = () => {
    for (const [name, count] of Object.entries(counts)) tally[name].textContent = whole.format(count);
    tally.lost.parentElement.classList.toggle('wrong', counts.lost > 0);
    tally.doubled.parentElement.classList.toggle('wrong', counts.doubled > 0);
  };

  const append = (className, text) => {
    const item = document.createElement('li');
    item.className = className;
    const title = document.createElement('p');
    title.textContent = text;
    item.append(title);
    list.append(item);
    return item;
  };

  const addCell = (seq, className) => {
    if (!connection) return;
    const cell = document.createElement('span');
    cell.className = className;
    cell.textContent = String(seq);
    connection.row.append(cell);
    if (++cells > MAX_CELLS) dropOldest();
  };

  const dropOldest = () => {
    cells--;
    const oldest = list.querySelector('.cells:not(:empty)');
    oldest?.firstElementChild?.remove();
  };

  const describe = () => {
    if (!connection) return;
    const { from, row, title } = connection;
    const late = row.querySelectorAll('.late').length;
    const range = last < from ? 'no event yet' : from === last ? `event ${from}` : `events ${from} to ${last}`;
    title.textContent = `Connection ${connections}: ${range}${late > 0 ? `, ${late} from the log` : ''}`;
  };

  return {
    get last() {
      return last;
    },
    clear() {
      counts = { received: 0, lost: 0, doubled: 0, cuts: 0 };
      last = cells = connections = 0;
      connected = false;
      connection = undefined;
      list.replaceChildren();
      showCounts();
    },
    /** A connection stands. True for the first one. */
    connect() {
      connected = true;
      if (connections > 0) {
        const seconds = ((performance.now() - cutAtMs) / 1_000).toFixed(1);
        append('resumed', `↻ resumed after event ${last}, ${seconds} s later`);
      }
      const item = append('connection', '');
      const row = document.createElement('div');
      row.className = 'cells';
      row.setAttribute('aria-hidden', 'true'); // the title says it in words
      item.append(row);
      connections++;
      connection = { row, title: /** @type {HTMLElement} */ (item.firstElementChild), from: last + 1 };
      describe();
      list.scrollTop = list.scrollHeight;
      return connections === 1;
    },
    /** The connection is lost. False where there was none. */
    cut() {
      if (!connected) return false;
      connected = false;
      cutAtMs = performance.now();
      counts.cuts++;
      append('cut', `✂ cut after event ${last}`);
      showCounts();
      list.scrollTop = list.scrollHeight;
      return true;
    },
    add(seq, isEnd) {
      counts.received++;
      if (seq <= last) counts.doubled++;
      else counts.lost += seq - last - 1;
      last = Math.max(last, seq);
      addCell(seq, isEnd ? 'last' : 'live');
      describe();
      showCounts();
      list.scrollTop = list.scrollHeight;
    },
    /** These were in the log before their connection stood. */
    markLate(from, to) {
      for (const cell of list.querySelectorAll('.cells .live')) {
        const seq = Number(cell.textContent);
        if (seq >= from && seq <= to) cell.className = 'late';
      }
      describe();
    },
    /** The server says what it no longer has: events up to `seq`. */
    skip(seq) {
      append('cut', `gap: events ${last + 1} to ${seq} are no longer kept`);
      counts.lost += seq - last;
      last = seq;
      showCounts();
    },
  };
}
