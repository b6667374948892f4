/** Makes commands, and has what several of them draw or do. */
import fc from 'fast-check';
import { connectClient } from '../connect-client.js';
import type { TaskStream } from '../../../lib/index.js';
import { Client } from '../client.js';
import type { TaskModel } from '../task-model.js';
import type { World } from '../world.js';

type Run = (world: World) => Promise<void>;
export type Command = fc.AsyncCommand<World, null>;

/** A command that acts on the model and on the library, after which both are compared. */
export function command<T>(
  name: string,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  act: (world: World, values: T) => Promise<void>,
  possible: (world: Pick<World, 'tasks' | 'clients' | 'readers'>) => boolean = () => true,
): fc.Arbitrary<Command> {
  return fc.record(values).map((drawn): Command => {
    const run: Run = async (world) => {
      await act(world, drawn);
      await world.check();
    };
    return {
      check: (world) => possible(world),
      run,
      toString: () => `${name}(${describe(drawn)})`,
    };
  });
}

export const hasTask = (world: Pick<World, 'tasks'>): boolean => world.tasks.length > 0;
export const hasClient = (world: Pick<World, 'clients'>): boolean => world.clients.length > 0;

/** Which one, counted from the newest: most of what happens happens to few. */
export const index = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3, 7, 20);
export const owner = fc.constantFrom(undefined, 'anna', 'bert');
export const subscriberId = fc.constantFrom(undefined, 'phone', 'phone', 'desk');
export const taking = fc.constantFrom(true, true, false);
export const highWaterMark = fc.constantFrom(1, 300, 16_384);
export const pads = fc.constantFrom('x', 'ä☃', '\n\r\n', '\u2028"\\', '\ud800', ': \ufeff', '😀');
export const outside = fc.boolean();

/** Text of up to `bytes` bytes of JSON. */
export const padOf = (unit: string, bytes: number): string =>
  unit.repeat(Math.max(0, Math.floor(bytes / (JSON.stringify(unit).length * 3))));

export interface Connecting {
  taking: boolean;
  highWaterMark: number;
}

export async function connect(
  world: World,
  task: TaskModel,
  who: string | undefined,
  stream: TaskStream,
  position: number,
  connecting: Connecting,
): Promise<void> {
  const client = new Client(task, who);
  world.clients.push(client);
  await connectClient(world, client, stream, position, connecting);
}

/** What comes after the end is refused, whoever says it. */
export function late(world: World, task: TaskModel, fromOutside: boolean, act: () => Promise<unknown>): Promise<void> {
  if (!fromOutside || task.gone === undefined) return world.refuses('TASK_NOT_RUNNING', act);
  return world.rejects(act(), 'TASK_EXPIRED', 'TASK_NOT_FOUND');
}

/** Drawn values in short: a counterexample is read by people. */
function describe(drawn: object): string {
  const texts = Object.entries(drawn).map(([name, value]) =>
    typeof value === 'object' && value !== null
      ? `${name}: {${describe(value as object)}}`
      : `${name}: ${String(value)}`,
  );
  return texts.join(', ').replaceAll('\n', '\\n');
}
