// The growth curves as an SVG: one panel per kind, both axes logarithmic, so that what grows in proportion is a line at
// 45 degrees.
import { brief, integer } from './figures.js';

const PANEL = { width: 220, height: 180, left: 52, top: 44, gap: 24 };
const TITLES = {
  subscribers: 'One event to n subscribers',
  tasks: 'n tasks of ten events each',
  events: 'n events to one client',
};
const STYLE = `
    text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #57606a; }
    .title { font-size: 13px; fill: #1f2328; }
    .grid { stroke: #d0d7de; stroke-width: 1; }
    .even { stroke: #8c959f; stroke-width: 1.5; stroke-dasharray: 4 3; }
    .ours { fill: none; stroke: #0969da; stroke-width: 2; }
    .raw { fill: none; stroke: #bc4c00; stroke-width: 2; }
    .dot-ours { fill: #0969da; }
    .dot-raw { fill: #bc4c00; }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9da7b3; }
      .title { fill: #e6edf3; }
      .grid { stroke: #30363d; }
      .even { stroke: #6e7681; }
      .ours { stroke: #58a6ff; }
      .raw { stroke: #f0883e; }
      .dot-ours { fill: #58a6ff; }
      .dot-raw { fill: #f0883e; }
    }`;

const duration = (micros) => {
  if (micros < 1_000) return `${brief(micros)} µs`;
  return micros < 1e6 ? `${brief(micros / 1_000)} ms` : `${brief(micros / 1e6)} s`;
};
const count = (n) => (n >= 1e6 ? `${n / 1e6}M` : n >= 1_000 ? `${n / 1_000}k` : `${n}`);

/** Powers of ten that hold all of `values`. */
function decades(values) {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.ceil(Math.log10(Math.max(...values)));
  return Array.from({ length: Math.max(to, from + 1) - from + 1 }, (_, i) => 10 ** (from + i));
}

function scale(ticks, from, to) {
  const [low, high] = [ticks[0], ticks.at(-1)].map(Math.log10);
  return (value) => Number((from + ((Math.log10(value) - low) / (high - low)) * (to - from)).toFixed(1));
}

function panel({ kind, ...curves }, index) {
  const { width, height, left, top, gap } = PANEL;
  const x0 = left + index * (width + left + gap);
  const bottom = top + height;
  const all = Object.values(curves).flat();
  const xTicks = decades(all.map(([n]) => n));
  const yTicks = decades(all.map(([, micros]) => micros));
  const x = scale(xTicks, x0, x0 + width);
  const y = scale(yTicks, bottom, top);
  const grid = [
    ...xTicks.map((n) => `<line class="grid" x1="${x(n)}" y1="${top}" x2="${x(n)}" y2="${bottom}" />`),
    ...yTicks.map((t) => `<line class="grid" x1="${x0}" y1="${y(t)}" x2="${x0 + width}" y2="${y(t)}" />`),
    ...xTicks.map((n) => `<text class="middle" x="${x(n)}" y="${bottom + 18}">${count(n)}</text>`),
    ...yTicks.map((t) => `<text class="end" x="${x0 - 6}" y="${y(t) + 4}">${duration(t)}</text>`),
  ];
  const lines = Object.entries(curves).flatMap(([way, points]) => [
    `<polyline class="${way}" points="${points.map(([n, t]) => `${x(n)},${y(t)}`).join(' ')}" />`,
    ...points.map(
      ([n, t]) =>
        `<circle class="dot-${way}" cx="${x(n)}" cy="${y(t)}" r="3"><title>${way}: ${integer(n)}, ${duration(t)}</title></circle>`,
    ),
  ]);
  return [
    `<text class="title" x="${x0}" y="${top - 14}">${TITLES[kind]}</text>`,
    ...grid,
    even(curves.ours.at(-1), { x, y, xTicks, yTicks }),
    ...lines,
  ];
}

/** Through the last point, what costs twice as much where there is twice as much. */
function even([n, micros], { x, y, xTicks, yTicks }) {
  const from = Math.max(xTicks[0], (n * yTicks[0]) / micros);
  return `<line class="even" x1="${x(from)}" y1="${y((micros * from) / n)}" x2="${x(n)}" y2="${y(micros)}" />`;
}

/** @param all `{ kind, ours: [[n, µs], …], raw? }` for each panel */
export function toSvg(all) {
  const { width, height, left, top, gap } = PANEL;
  const size = { width: all.length * (left + width + gap), height: top + height + 56 };
  const legendY = size.height - 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img" aria-labelledby="title description">
  <title id="title">Server CPU over the number of subscribers, tasks and events</title>
  <desc id="description">Both axes are logarithmic. The measured curves follow the dashed line, where twice as many cost twice as much, or lie flatter.</desc>
  <style>${STYLE}
  </style>
  ${all.flatMap(panel).join('\n  ')}
  <line class="ours" x1="${left}" y1="${legendY - 4}" x2="${left + 24}" y2="${legendY - 4}" />
  <text x="${left + 30}" y="${legendY}">resumable-sse, server CPU</text>
  <line class="raw" x1="${left + 210}" y1="${legendY - 4}" x2="${left + 234}" y2="${legendY - 4}" />
  <text x="${left + 240}" y="${legendY}">plain Node</text>
  <line class="even" x1="${left + 330}" y1="${legendY - 4}" x2="${left + 354}" y2="${legendY - 4}" />
  <text x="${left + 360}" y="${legendY}">twice as many cost twice as much</text>
</svg>
`;
}
