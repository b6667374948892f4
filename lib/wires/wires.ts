/** Finds wires by name: those of the library, and those that the manager's option `wires` adds. */
import { TaskError } from '../core/errors.js';
import { isSendable } from '../core/http-header.js';
import { assertOption, isListOf, showOption, type OptionRule } from '../core/check-options.js';
import type { EngineWires } from '../core/engine/engine.js';
import type { StoreSettings } from '../core/ports.js';
import { TERMINAL_EVENT, type FinalStatus } from '../core/task/status.js';
import { DEFAULT_WIRE } from '../sse/default-wire.js';
import { formatEventId } from '../sse/event-id.js';
import { encodeTaskEvent } from '../sse/frame.js';
import type { Wire } from '../sse/wire.js';
import { AG_UI } from './ag-ui.js';
import { guardWire } from './guarded-wire.js';
import { PLAIN } from './plain.js';
import { UI_MESSAGE_STREAM } from './ui-message-stream.js';

/** The names of the library's own wires. */
export type WireName = 'default' | 'ui-message-stream' | 'ag-ui' | 'plain';

const BUILT_IN: readonly Wire[] = [DEFAULT_WIRE, UI_MESSAGE_STREAM, AG_UI, PLAIN];

const NAME = /^[a-z0-9-]{1,64}$/;
const PARTS = ['event', 'end', 'gap'] as const;

const OPTIONAL_PARTS = ['prelude', 'snapshot', 'fold', 'refusal'] as const;

const isText = (value: unknown): value is string => typeof value === 'string';

const isWire = (value: unknown): value is Wire => {
  const wire = Object(value) as Partial<Wire>;
  const { name, headers, accepts } = wire;
  return (
    typeof name === 'string' &&
    NAME.test(name) &&
    PARTS.every((part) => typeof wire[part] === 'function') &&
    OPTIONAL_PARTS.every((part) => wire[part] === undefined || typeof wire[part] === 'function') &&
    (headers === undefined || areHeaders(headers)) &&
    (accepts === undefined || isListOf(accepts, isText))
  );
};

/** Tells whether all of `headers` can be sent. Otherwise each stream would fail after its task has started. */
const areHeaders = (headers: unknown): boolean =>
  typeof headers === 'object' &&
  headers !== null &&
  Object.entries(headers).every(([name, value]) => isSendable(name, value));

/** The rule of the manager's option `wires`. */
export const WIRES_RULE: OptionRule = {
  text: 'an array of Wire objects with names of their own, and with members of the types that Wire says',
  isList: true,
  accepts: (value) => isListOf(value, isWire) && !value.some((wire) => BUILT_IN.some(({ name }) => name === wire.name)),
};

/** The rule of the option `wire` of a start. */
export const WIRE_RULE: OptionRule = {
  text: 'the name of a wire, or a Wire object with members of the types that Wire says',
  accepts: (value) => typeof value === 'string' || isWire(value),
};

const STATUS_OF: ReadonlyMap<string | undefined, FinalStatus> = new Map(
  Object.entries(TERMINAL_EVENT).map(([status, event]) => [event, status as FinalStatus]),
);

export class Wires implements EngineWires {
  readonly #known = new Map<string, Wire>(BUILT_IN.map((wire) => [wire.name, wire]));
  /** The user's own wires as they were given, by name. */
  readonly #own = new Map<string, Wire>();

  /** @param own what `WIRES_RULE` accepts */
  constructor(own: readonly Wire[] = []) {
    for (const wire of own) this.#add(wire);
  }

  /** Returns the wire that tasks with this name use. @throws TaskError `UNKNOWN_WIRE` */
  get(name = DEFAULT_WIRE.name): Wire {
    const wire = this.#known.get(name);
    if (wire !== undefined) return wire;
    throw new TaskError('UNKNOWN_WIRE', `This instance does not know the wire ${name}: list it in the option wires`);
  }

  folds(name: string | undefined): boolean {
    return this.get(name).fold !== undefined;
  }

  /**
   * Returns the wire that an option names. A Wire object that is not listed yet is known from then on, so that one
   * process needs no list.
   * @throws TaskError `INVALID_OPTION` for a name that no wire has, or that another wire has
   */
  resolve(option: Wire | WireName | (string & {}) | undefined): Wire {
    if (option === undefined) return DEFAULT_WIRE;
    const name = typeof option === 'string' ? option : option.name;
    const known = this.#known.get(name);
    if (known === undefined && typeof option !== 'string') return this.#add(option);
    const names = [...this.#known.keys()].join(', ');
    assertOption(known !== undefined, 'wire', `one of ${names}, or a Wire`, option);
    const isKnown = typeof option === 'string' || known === option || this.#own.get(name) === option;
    assertOption(isKnown, 'wire', `the only one named ${showOption(name)}`, option);
    return known;
  }

  /** Frames one event of a task's log. Bound, since it is handed to stores. */
  readonly encode: StoreSettings['encode'] = (task, seq, event, json) => {
    // Most logs use the default wire, so it has a shortcut. A wire that this instance does not know is read by nobody
    // here.
    const wire = task.wire === undefined ? undefined : this.#known.get(task.wire);
    if (wire === undefined || wire === DEFAULT_WIRE) return encodeTaskEvent(task, seq, event, json);
    const id = formatEventId(task.resumeKey, seq, task.epoch);
    const status = STATUS_OF.get(event);
    if (status === undefined) return wire.event(id, { seq, name: event, json }, task);
    return wire.end(id, { seq, status, json, progress: task.progress }, task);
  };

  #add(wire: Wire): Wire {
    const guarded = guardWire(wire);
    this.#own.set(wire.name, wire);
    this.#known.set(wire.name, guarded);
    return guarded;
  }
}
