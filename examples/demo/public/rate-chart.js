// Rows a second over the time of the import, and in another colour what this page has read from the log: the line has no
// hole where the page was away.
import uPlot from 'uplot';

/** The rate is that of the last few events: of two alone it would jump about. */
const WINDOW = 5;
const HEIGHT = 150;
/** An import is seldom shorter, and an axis that rescales with each point is hard to read. */
const LEAST_SECONDS = 10;

export function createRateChart(element) {
  /** @type {{ seq: number, seconds: number, rate: number | null, rows: number, late: boolean }[]} */
  let points = [];
  /** @type {uPlot | undefined} */
  let plot;

  /**
   * Two lines over one axis, which meet, so that there is no break where one goes over into the other.
   *
   * @returns {uPlot.AlignedData}
   */
  const dataOf = () => [
    points.map(({ seconds }) => seconds),
    points.map(({ rate, late }) => (late ? null : rate)),
    points.map(({ rate, late }, at) => (late || points[at - 1]?.late || points[at + 1]?.late ? rate : null)),
  ];
  const create = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(element), dataOf(), element);
  };
  let due = false;
  /** Once a frame, however many points have come. */
  const draw = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      if (points.length === 0) return;
      if (plot) plot.setData(dataOf());
      else create();
    });
  };

  // Colours are the page's, which change with the system's.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot && create());
  new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);

  return {
    clear() {
      points = [];
      plot?.destroy();
      plot = undefined;
    },
    add({ seq, seconds, rows }) {
      const before = points[Math.max(0, points.length - WINDOW)];
      const spanned = before ? seconds - before.seconds : 0;
      const rate = spanned > 0 ? (rows - before.rows) / spanned : null;
      points.push({ seq, seconds, rows, rate, late: false });
      draw();
    },
    /** These points were read from the log. */
    markLate(from, to) {
      for (const point of points) if (point.seq >= from && point.seq <= to) point.late = true;
      draw();
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
    padding: [8, 22, 0, 0], // half of the last label stands beside the axis
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
