// Numbers: how they are taken and summed up.
export const MIB = 2 ** 20;

export const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
};
export const median = (values) => quantile(values, 0.5);
export const summary = (values) => ({ median: median(values), low: Math.min(...values), high: Math.max(...values) });

/** Monotonic µs, the same clock in all processes of one machine. */
export const nowMicros = () => Number(process.hrtime.bigint() / 1_000n);

/** CPU time of this process so far, in µs. */
export const cpuMicros = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Memory after everything that can be collected was. `external` has the memory of all Buffers. */
export async function settledMemory() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external, used: heapUsed + external };
}

/** Times spans of less than `limit` µs in steps of 50 µs: a million of them a second cost nothing. */
export class Histogram {
  #counts = new Uint32Array(200_000);
  count = 0;

  add(micros) {
    this.count++;
    this.#counts[Math.min(this.#counts.length - 1, Math.max(0, Math.floor(micros / 50)))]++;
  }

  /** In ms. */
  quantile(q) {
    let left = q * this.count;
    const bucket = this.#counts.findIndex((count) => (left -= count) <= 0);
    return ((bucket + 1) * 50) / 1_000;
  }

  clear() {
    this.#counts.fill(0);
    this.count = 0;
  }
}

export const integer = (value) => Math.round(value).toLocaleString('en');
export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
/** As many digits as can be believed. */
export const brief = (value) => (Math.abs(value) >= 100 ? integer(value) : `${Number(value.toPrecision(3))}`);
