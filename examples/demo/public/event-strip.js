// Every event as a cell with its number, in one row for each connection: what is lost or comes twice would show. The
// tally and the cuts survive a reload of the page, in its session storage.
import { $, whole } from './element.js';

/** The oldest cells go; a strip of ten thousand would slow the page down. */
const MAX_CELLS = 1_000;

const CUTS = {
  cut: (after) => `✂ cut after event ${after}`,
  killed: (after) => `✖ server killed after event ${after}`,
  reload: (after) => `⟳ page reloaded after event ${after}`,
};

/**
 * @typedef {{ kind: 'cut' | 'killed' | 'reload', after: number, seconds?: number }} Cut `seconds` until the page was back
 * @typedef {{ last: number, lost: number, doubled: number, ended: boolean, cuts: Cut[], late: [number, number][] }} Memory
 */

/** @returns {Memory} */
const nothing = () => ({ last: 0, lost: 0, doubled: 0, ended: false, cuts: [], late: [] });

export function createEventStrip() {
  const list = $('strip');
  const rows = createRows(list);
  /** @type {string | undefined} */
  let storageKey;
  let memory = nothing();
  /** What a reload has interrupted is drawn again as the events come again. @type {Cut[]} */
  let undrawn = [];
  let last = 0;
  let received = 0;
  let lost = 0;
  let connected = false;
  let cutAtMs = 0;

  const save = () => {
    memory.last = Math.max(memory.last, last);
    memory.lost = Math.max(memory.lost, lost);
    if (storageKey) sessionStorage.setItem(storageKey, JSON.stringify(memory));
    const counts = { received, lost: memory.lost, doubled: memory.doubled, cuts: memory.cuts.length };
    for (const [name, count] of Object.entries(counts)) $(name).textContent = whole.format(count);
    for (const name of ['lost', 'doubled']) $(name).parentElement.classList.toggle('wrong', counts[name] > 0);
  };
  const scroll = () => (list.scrollTop = list.scrollHeight);
  const drawUpTo = (seq) => {
    while (undrawn[0] && undrawn[0].after < seq) {
      const { kind, after, seconds } = /** @type {Cut} */ (undrawn.shift());
      rows.mark('cut', CUTS[kind](after));
      rows.mark('resumed', `↻ resumed after event ${after}${seconds === undefined ? '' : `, ${seconds} s later`}`);
      rows.start(after + 1);
    }
  };

  return {
    get last() {
      return last;
    },
    /** The first event that this page has not seen before, in this life or the one before the reload. */
    get nextNew() {
      return Math.max(last, memory.last) + 1;
    },
    clear() {
      storageKey = undefined;
      memory = nothing();
      undrawn = [];
      last = received = lost = 0;
      connected = false;
      rows.clear();
      $('strip-empty').hidden = false;
      list.hidden = true;
      save();
    },
    /** From now on the tally belongs to the task with this key, and goes on from before a reload. */
    rememberAs(key) {
      storageKey = `strip ${key}`;
      const saved = sessionStorage.getItem(storageKey);
      if (saved === null) return;
      memory = JSON.parse(saved);
      if (!memory.ended) memory.cuts.push({ kind: 'reload', after: memory.last });
      undrawn = [...memory.cuts].sort((a, b) => a.after - b.after);
      save();
    },
    /** A connection stands. True for the first one. */
    connect() {
      const isFirst = !rows.any;
      if (connected) this.cut('cut'); // this page was away in the back/forward cache
      connected = true;
      $('strip-empty').hidden = true;
      list.hidden = false;
      if (!isFirst) {
        const seconds = Math.max(0.1, Number(((performance.now() - cutAtMs) / 1_000).toFixed(1)));
        const cut = memory.cuts.at(-1);
        if (cut) cut.seconds = seconds;
        rows.mark('resumed', `↻ resumed after event ${last}, ${seconds} s later`);
      }
      rows.start(last + 1);
      scroll();
      return isFirst;
    },
    /** The connection is lost. False where there was none. @param {'cut' | 'killed'} kind */
    cut(kind) {
      if (!connected) return false;
      connected = false;
      cutAtMs = performance.now();
      memory.cuts.push({ kind, after: last });
      rows.mark('cut', CUTS[kind](last));
      save();
      scroll();
      return true;
    },
    add(seq, isEnd) {
      drawUpTo(seq);
      received++;
      if (seq <= last) memory.doubled++;
      else lost += seq - last - 1;
      last = Math.max(last, seq);
      if (isEnd) memory.ended = true;
      const isLate = memory.late.some(([from, to]) => seq >= from && seq <= to);
      rows.add(seq, isEnd ? 'last' : isLate ? 'late' : 'live');
      save();
      scroll();
    },
    /** These were in the log before their connection stood. */
    markLate(from, to) {
      if (to < from) return;
      memory.late.push([from, to]);
      rows.markLate(from, to);
      save();
    },
    /** From event `seq` on the job runs in another process. */
    attempt(number, seq) {
      drawUpTo(seq);
      rows.mark('resumed', `↺ attempt ${number}: the new server goes on from the last row`);
      rows.goOn(last + 1);
    },
    /** The server says what it no longer has: events up to `seq`. */
    skip(seq) {
      rows.mark('cut', `gap: events ${last + 1} to ${seq} are no longer kept`);
      rows.goOn(seq + 1);
      lost += seq - last;
      last = seq;
      save();
    },
  };
}

/** The list itself: a row of cells for each connection, and marks between them. */
function createRows(list) {
  /** @type {{ row: HTMLElement, title: HTMLElement, from: number, to: number } | undefined} */
  let current;
  let connections = 0;
  let cells = 0;

  const append = (className, text) => {
    const item = document.createElement('li');
    item.className = className;
    const title = document.createElement('p');
    title.textContent = text;
    item.append(title);
    list.append(item);
    return item;
  };
  const addRow = (from) => {
    const item = append('connection', '');
    const row = document.createElement('div');
    row.className = 'cells';
    row.setAttribute('aria-hidden', 'true'); // the title says it in words
    item.append(row);
    current = { row, title: /** @type {HTMLElement} */ (item.firstElementChild), from, to: from - 1 };
  };
  /** Over a connection that brought nothing: the next one takes its place. */
  const dropEmptyRow = () => {
    if (!current || current.to >= current.from) return false;
    current.title.parentElement?.remove();
    return true;
  };
  const describe = () => {
    if (!current) return;
    const { from, to, row, title } = current;
    const late = row.querySelectorAll('.late').length;
    const range = to < from ? 'no event yet' : from === to ? `event ${from}` : `events ${from} to ${to}`;
    title.textContent = `Connection ${connections}: ${range}${late > 0 ? `, ${late} from the log` : ''}`;
  };

  return {
    get any() {
      return connections > 0;
    },
    clear() {
      list.replaceChildren();
      current = undefined;
      connections = cells = 0;
    },
    mark: append,
    start(from) {
      if (!dropEmptyRow()) connections++;
      addRow(from);
      describe();
    },
    /** Another row of the same connection. */
    goOn(from) {
      dropEmptyRow();
      addRow(from);
      describe();
    },
    add(seq, className) {
      if (!current) return;
      const cell = document.createElement('span');
      cell.className = className;
      cell.textContent = String(seq);
      current.row.append(cell);
      current.to = Math.max(current.to, seq);
      if (++cells > MAX_CELLS) {
        cells--;
        list.querySelector('.cells:not(:empty)')?.firstElementChild?.remove();
      }
      describe();
    },
    markLate(from, to) {
      for (const cell of list.querySelectorAll('.cells .live')) {
        const seq = Number(cell.textContent);
        if (seq >= from && seq <= to) cell.className = 'late';
      }
      describe();
    },
  };
}
