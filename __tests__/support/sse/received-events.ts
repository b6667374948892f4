/** An event as a client library handed it over; unnamed events are `message`, as in the EventSource standard. */
export interface ReceivedEvent {
  event: string;
  data: string;
  id: string;
}

const TERMINAL: ReadonlySet<string> = new Set(['complete', 'failed', 'cancelled']);

/**
 * Says what is wrong with what one client got, over all its connections: its progress must be 1, 2, … `last` (the number `n` or
 * `step` in the data), each once and in order, then exactly one terminal event, then nothing. `task` frames may come in between, one
 * per connection; a `gap` never may. undefined: all is well.
 */
export function findFault(events: readonly ReceivedEvent[], last: number): string | undefined {
  let before = 0;
  let terminal: ReceivedEvent | undefined;
  let position = 0;
  for (const [index, received] of events.entries()) {
    const { event, data, id } = received;
    const where = `event ${index} of ${events.length}, ${event} with id ${JSON.stringify(id)}`;
    if (terminal !== undefined) return `after the terminal event ${terminal.event} came another (${where})`;
    if (event === 'task') continue;
    if (event === 'gap') return `a gap was reported: ${data} (${where})`;

    const seq = Number(/\.(\d+)$/.exec(id)?.[1] ?? Number.NaN);
    if (Number.isNaN(seq)) return `an id that is no position (${where})`;
    if (event === 'message') {
      const number = progressNumber(data);
      if (number === undefined) return `no number n or step in ${data} (${where})`;
      if (number > before + 1)
        return `${range(before + 1, number - 1)} missing: after ${before} came ${number} (${where})`;
      if (number === before) return `${number} came twice (${where})`;
      if (number < before) return `${number} came again or late, after ${before} (${where})`;
      if (number > last) return `${number} is more than was sent, ${last} (${where})`;
      before = number;
    }
    if (TERMINAL.has(event)) {
      if (before !== last)
        return `${range(before + 1, last)} missing: the terminal event came after ${before} (${where})`;
      terminal = received;
    }
    if (seq <= position) return `its id does not move on from ${position} (${where})`;
    position = seq;
  }
  if (terminal === undefined) return `no terminal event; the last number was ${before} of ${last}`;
  return undefined;
}

/** @throws Error with the first fault that `findFault` sees. */
export function expectExact(events: readonly ReceivedEvent[], last: number): void {
  const fault = findFault(events, last);
  if (fault !== undefined) throw new Error(`not exact: ${fault}`);
}

function progressNumber(data: string): number | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { n, step } = value as { n?: unknown; step?: unknown };
  const number = n ?? step;
  return typeof number === 'number' ? number : undefined;
}

function range(from: number, to: number): string {
  return from === to ? `${from} is` : `${from} to ${to} are`;
}
