// Rows a second over the time of the import, and in another colour what this page has read from the log: the line has no
// hole where the page was away.
import uPlot from 'uplot';

/** The rate is that of the last few events: of two alone it would jump about. */
const WINDOW = 5;
const HEIGHT = 190;
/** An import is seldom shorter, and an axis that rescales with each point is hard to read. */
const LEAST_SECONDS = 10;

export function createRateChart(element) {
  /** @type {{ seconds: number, rows: number }[]} */
  let points = [];
  /** @type {[number[], (number | null)[], (number | null)[]]} */
  let data = [[], [], []];
  /** @type {uPlot | undefined} */
  let plot;

  const draw = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(element), data, element);
  };

  // Colours are the page's, which change with the system's.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot && draw());
  new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);

  return {
    clear() {
      points = [];
      data = [[], [], []];
      plot?.destroy();
      plot = undefined;
    },
    add({ seconds, rows, late }) {
      points.push({ seconds, rows });
      const before = points[Math.max(0, points.length - 1 - WINDOW)];
      const spanned = seconds - before.seconds;
      const rate = spanned > 0 ? (rows - before.rows) / spanned : null;
      const [xs, live, fromLog] = data;
      // The two lines meet, so that there is no break where one goes over into the other.
      const lateBefore = fromLog.length > 0 && fromLog.at(-1) !== null && live.at(-1) === null;
      if (late && !lateBefore && live.length > 0) fromLog[fromLog.length - 1] = live[live.length - 1];
      xs.push(seconds);
      live.push(late ? null : rate);
      fromLog.push(late || lateBefore ? rate : null);
      if (!plot) draw();
      else plot.setData(data);
    },
  };
}

/** @returns {uPlot.Options} */
function optionsFor(element) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--soft'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const line = (name) => ({
    stroke: colour(name),
    fill: `color-mix(in srgb, ${colour(name)} 16%, transparent)`,
    width: 2,
    points: { show: false },
    spanGaps: false,
  });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      x: { time: false, range: (_plot, _least, most) => [0, Math.max(most, LEAST_SECONDS)] },
      y: { range: (_plot, _least, most) => [0, Math.max(most * 1.1, 10)] },
    },
    axes: [
      { ...axis, size: 32, values: (_plot, seconds) => seconds.map((second) => `${second} s`) },
      { ...axis, size: 52, values: (_plot, rates) => rates.map((rate) => rate.toLocaleString('en')) },
    ],
    series: [{}, line('--accent'), line('--late-line')],
  };
}
