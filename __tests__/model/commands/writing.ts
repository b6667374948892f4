/** Commands by which jobs write events, good and bad ones. */
import fc from 'fast-check';
import { command, hasTask, index, late, outside, padOf, pads } from './command.js';

export const progress = command<{ task: number; count: number; pad: string; bytes: number; outside: boolean }>(
  'progress',
  { task: index, count: fc.integer({ min: 1, max: 40 }), pad: pads, bytes: fc.nat(1_000), outside },
  async (world, { task: at, count, pad, bytes, outside: fromOutside }) => {
    const task = world.task(at);
    const update = fromOutside
      ? (data: object) => world.manager.updateProgress(task.taskId, data)
      : task.context!.updateProgress;
    if (task.status !== 'running') return late(world, task, fromOutside, () => update({}));
    const promises: Promise<void>[] = [];
    for (let n = 0; n < count; n++) {
      const data = task.payload(padOf(pad, Math.min(bytes, world.settings.maxEventBytes - 60)));
      promises.push(update(data));
      task.log(undefined, data);
    }
    await Promise.all(promises);
  },
  hasTask,
);

export const named = command<{ task: number; name: string; pad: string }>(
  'emit',
  { task: index, name: fc.constantFrom('row', 'a b', 'été: ☃', '__proto__'), pad: pads },
  async (world, { task: at, name, pad }) => {
    const task = world.task(at);
    if (task.status !== 'running') return late(world, task, false, () => task.context!.emit(name, 1));
    const data = task.payload(pad);
    const promise = task.context!.emit(name, data);
    task.log(name, data);
    await promise;
  },
  hasTask,
);

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
const throwing = {
  toJSON: () => {
    throw new RangeError('no');
  },
};
const UNSERIALIZABLE = [undefined, () => 1, Symbol('s'), 10n, cycle, throwing];
const BAD_NAMES = ['', 'a\nb', 'a\rb', 'a\0b', 'n'.repeat(129), '\u2028', '\ud800', 5, null, { toString: () => 'x' }];
const RESERVED = ['task', 'complete', 'failed', 'cancelled', 'gap', 'snapshot', 'open', 'error', 'message'];

export const bad = command<{
  task: number;
  data: unknown;
  name: unknown;
  reserved: string;
  kind: string;
  outside: boolean;
  awaited: boolean;
}>(
  'emitBad',
  {
    task: index,
    data: fc.constantFrom(...UNSERIALIZABLE),
    name: fc.constantFrom(...BAD_NAMES),
    reserved: fc.constantFrom(...RESERVED),
    kind: fc.constantFrom('data', 'large', 'name', 'reserved'),
    outside,
    awaited: fc.boolean(),
  },
  async (world, { task: at, data, name, reserved, kind, outside: fromOutside, awaited }) => {
    const task = world.task(at);
    const { emit, updateProgress } = task.context!;
    const send = (what: unknown): Promise<void> =>
      fromOutside ? world.manager.updateProgress(task.taskId, what) : updateProgress(what);
    if (task.status !== 'running') return;
    world.expectedReports++;
    const refusals: Record<string, [string, () => Promise<void>]> = {
      data: ['UNSERIALIZABLE', () => send(data)],
      large: ['EVENT_TOO_LARGE', () => send('x'.repeat(world.settings.maxEventBytes - 1))],
      name: ['INVALID_EVENT_NAME', () => emit(name as string, 1)],
      reserved: ['RESERVED_EVENT_NAME', () => emit(reserved, 1)],
    };
    const [code, act] = refusals[kind]!;
    if (awaited || fromOutside) return world.refuses(code, act);
    // Progress need not be awaited: a refusal that nobody handles is no unhandled rejection.
    return world.leavesNoTrace(() => void act());
  },
  hasTask,
);
