// A row of the table: what each way took, and what ours may take.
import { brief, summary } from './figures.js';

const WAYS = ['ours', 'default wire', 'raw', 'express', 'better-sse', 'express-sse', 'resumable-stream'];
const NAMES = { raw: 'raw', express: 'Express' };

/**
 * @param row.samples one figure per round, by way; ours is `ours`
 * @param row.targets what ours is held to: `{ over, most }` and `{ over, least }` are times a peer's figure of the same
 * round, `{ over, plus }` is what comes on top of it, `{ most }` and `{ least }` are ours alone; without a limit a target
 * only informs
 */
export function judge({ workload, unit, samples, targets = [], note }) {
  const figures = Object.fromEntries(Object.entries(samples).map(([way, values]) => [way, summary(values)]));
  const checks = targets.map((target) => check(target, samples));
  return { workload, unit, note, figures, checks, ok: checks.every(({ ok }) => ok) };
}

function check({ over, ...target }, samples) {
  const [[kind, limit] = ['most']] = Object.entries(target);
  const versus = (ours, round) => {
    if (over === undefined) return ours;
    return kind === 'plus' ? ours - samples[over][round] : ours / samples[over][round];
  };
  const { median, low, high } = summary(samples.ours.map(versus));
  const ok = limit === undefined || (kind === 'least' ? median >= limit : median <= limit);
  return { over, kind, median, low, high, limit, ok };
}

/** `0.70 × Express (0.66 to 0.75; ≤ 1)` */
export function describeCheck({ over, kind, median, low, high, limit }) {
  const sign = kind === 'plus' && median >= 0 ? '+ ' : '';
  const of = over === undefined ? '' : `${kind === 'plus' ? ' over' : ' ×'} ${NAMES[over] ?? over}`;
  const target = limit === undefined ? [] : [`${kind === 'least' ? '≥' : '≤'} ${brief(limit)}`];
  const spread = low === high ? [] : [`${brief(low)} to ${brief(high)}`];
  const details = [...spread, ...target].join('; ');
  return `${sign}${brief(median)}${of}${details === '' ? '' : ` (${details})`}`;
}

export const verdict = ({ checks, ok }) =>
  checks.every(({ limit }) => limit === undefined) ? '' : ok ? 'pass' : 'short';

/** The columns of the table, and its lines; of a `quick` run nothing is judged. */
export function tabulate(rows, quick) {
  const used = new Set(rows.flatMap(({ figures }) => Object.keys(figures)));
  const ways = WAYS.filter((way) => used.has(way));
  const judged = quick ? ['delivered'] : ['ours against (spread; target)', ''];
  const lines = rows.map((row) => [
    row.workload,
    row.unit,
    ...ways.map((way) => (row.figures[way] === undefined ? '' : brief(row.figures[way].median))),
    ...(quick ? ['all'] : [row.checks.map(describeCheck).join(', '), verdict(row)]),
  ]);
  return { header: ['workload', 'unit', ...ways.map((way) => NAMES[way] ?? way), ...judged], lines };
}

export function toText(rows, quick) {
  const { header, lines } = tabulate(rows, quick);
  return toColumns([header, ...lines]);
}

/** Lines of cells as text, each column as wide as its widest cell. */
export function toColumns(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd();
  return lines.map(pad).join('\n');
}
