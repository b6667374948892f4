// Counts how often each value of a column occurs: exactly while they are few, then in bounded memory.

const INDEX_BITS = 14;
const REGISTERS = 2 ** INDEX_BITS;
/** Two hashes of a value: one chooses its register, the other its rank. */
const SEEDS = [0x9e3779b9, 0x85ebca6b];
/** The highest rank that 32 bits of hash can show. */
const MAX_RANK = 33;
/** So many of the frequent values are kept once there are too many to count all. */
const MOST_KEPT = 500;
/** Longer values are told apart by a hash, so that a column of documents costs no more than one of names. */
const MAX_KEY_LENGTH = 80;

/**
 * What all columns together may count exactly.
 *
 * @typedef {{ values: number }} Room
 */

/**
 * Values are counted exactly while there is room for them. From then on HyperLogLog estimates how many there are (its
 * standard error is 0.8 %), and the algorithm of Misra and Gries keeps the frequent ones, with counts that are never too
 * large and at most `short` too small.
 *
 * @param {Room} room shared with other columns
 */
export function createCounter(room) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  /** @type {Uint8Array | undefined} */
  let registers;
  let short = 0;

  /** @param {Uint8Array} sketch @param {string} value */
  const note = (sketch, value) => {
    const index = hash(value, SEEDS[0]) >>> (32 - INDEX_BITS);
    const rank = Math.clz32(hash(value, SEEDS[1])) + 1;
    if (rank > sketch[index]) sketch[index] = rank;
  };
  const takeFromAll = (taken) => {
    short += taken;
    for (const [value, count] of counts) {
      if (count <= taken) counts.delete(value);
      else counts.set(value, count - taken);
    }
  };
  const startEstimating = () => {
    registers = new Uint8Array(REGISTERS);
    for (const value of counts.keys()) note(registers, value);
    room.values += counts.size;
    const next = [...counts.values()].sort((a, b) => b - a)[MOST_KEPT];
    if (next !== undefined) takeFromAll(next);
  };

  return {
    /** @param {string} value */
    add(value) {
      const key = value.length > MAX_KEY_LENGTH ? shorten(value) : value;
      const known = counts.get(key);
      if (known === undefined && registers === undefined && room.values-- <= 0) startEstimating();
      if (registers !== undefined) note(registers, key);
      if (known !== undefined) counts.set(key, known + 1);
      else if (registers === undefined || counts.size < MOST_KEPT) counts.set(copy(key), 1);
      else takeFromAll(1);
    },
    get isExact() {
      return registers === undefined;
    },
    get distinct() {
      return registers === undefined ? counts.size : Math.round(estimate(registers));
    },
    /** The most frequent values; once counts are estimates, those alone that came more than once for certain. */
    top(limit) {
      return [...counts]
        .filter(([, count]) => registers === undefined || count > 1)
        .sort(([, a], [, b]) => b - a)
        .slice(0, limit)
        .map(([value, count]) => ({ value: value.replace(/\0.*/s, ''), count, at_most: count + short }));
    },
  };
}

function shorten(value) {
  return `${value.slice(0, MAX_KEY_LENGTH)}…\0${hash(value, SEEDS[0])}-${hash(value, SEEDS[1])}`;
}

/** A string of its own: a piece of a larger one would keep that in memory. */
export function copy(text) {
  return Buffer.from(text).toString();
}

/** A multiplicative hash of 32 bits, whose bits are mixed until each depends on all. */
function hash(text, seed) {
  let bits = seed ^ text.length;
  for (let at = 0; at < text.length; at++) {
    bits = Math.imul(bits ^ text.charCodeAt(at), 0x5bd1e995);
    bits ^= bits >>> 15;
  }
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Ertl's estimator, which needs no correction for small or large counts ("New cardinality estimation algorithms for HyperLogLog sketches", 2017). */
function estimate(registers) {
  const histogram = new Array(MAX_RANK + 1).fill(0);
  for (const rank of registers) histogram[rank]++;
  let sum = REGISTERS * tau(1 - histogram[MAX_RANK] / REGISTERS);
  for (let rank = MAX_RANK - 1; rank >= 1; rank--) sum = 0.5 * (sum + histogram[rank]);
  sum += REGISTERS * sigma(histogram[0] / REGISTERS);
  return REGISTERS ** 2 / (2 * Math.LN2 * sum);
}

function sigma(share) {
  if (share === 1) return Infinity;
  let [power, weight, sum, before] = [share, 1, share, NaN];
  while (sum !== before) {
    power *= power;
    before = sum;
    sum += power * weight;
    weight *= 2;
  }
  return sum;
}

function tau(share) {
  if (share === 0 || share === 1) return 0;
  let [root, weight, sum, before] = [share, 1, 1 - share, NaN];
  while (sum !== before) {
    root = Math.sqrt(root);
    before = sum;
    weight *= 0.5;
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}
