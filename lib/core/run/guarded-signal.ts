/**
 * Abort signals whose listeners cannot end the process. Node throws what an event listener throws, or its promise rejects
 * with, in a later tick where nobody can catch it.
 */

import { types } from 'node:util';
import { warnOfFailure } from '../callbacks.js';

type Callback = (event: Event) => unknown;
type Listener = Callback | { handleEvent(event: Event): unknown };
/** The shape of Node's own methods, which the types of each environment name differently. */
type Method = (type: string, listener: unknown, options: unknown) => void;
type Report = (error: unknown) => void;

/** The function that stands for each listener, the same one for every signal. */
const GUARDED = new WeakMap<Listener, Callback>();
const REPORTS = new WeakMap<object, Report>();

/**
 * Returns `signal` itself, which from now on calls its listeners, `onabort` included, so that `report` gets their errors
 * (default: a process warning). It stays an ordinary AbortSignal for `fetch`, `AbortSignal.any` and `events.once`. A
 * signal that `AbortSignal.any` derives from it is guarded in the same way.
 */
export function guardSignal(signal: AbortSignal, report = warnOfListener): AbortSignal {
  REPORTS.set(signal, report);
  return Object.defineProperties(signal, METHODS);
}

/**
 * The member in which Node keeps the signals that `AbortSignal.any` has derived from a signal; undefined on a platform
 * without it, where those are not guarded.
 */
const DEPENDENTS = findDependents();

function findDependents(): symbol | undefined {
  const { signal } = new AbortController();
  AbortSignal.any([signal]);
  const members = signal as unknown as Readonly<Record<symbol, unknown>>;
  return Object.getOwnPropertySymbols(signal).find((name) => types.isSet(members[name]));
}

const warnOfListener: Report = (error) => {
  warnOfFailure('an abort listener', error);
};

function guarded(listener: Listener): Callback {
  let known = GUARDED.get(listener);
  if (known === undefined) GUARDED.set(listener, (known = guard(listener)));
  return known;
}

function guard(listener: Listener): Callback {
  return function call(this: unknown, event: Event): void {
    // A promise that is resolved with the answer of the listener catches everything that can go wrong with it.
    new Promise((resolve) => {
      resolve(typeof listener === 'function' ? listener.call(this, event) : listener.handleEvent(event));
    }).catch((error: unknown) => REPORTS.get(event.currentTarget ?? event.target ?? event)?.(error));
  };
}

/**
 * Makes Node's set of derived signals guard each signal that is added. That happens before `AbortSignal.any` returns it,
 * so that nobody can have added a listener.
 */
function guardDerived(this: AbortSignal, derived: Set<WeakRef<AbortSignal>>): void {
  const add = (ref: WeakRef<AbortSignal>): Set<WeakRef<AbortSignal>> => {
    const signal = WeakRef.prototype.deref.call(ref) as AbortSignal | undefined;
    if (signal !== undefined) guardSignal(signal, REPORTS.get(this));
    return Set.prototype.add.call(derived, ref) as typeof derived;
  };
  Object.defineProperty(derived, 'add', { value: add });
  Object.defineProperty(this, DEPENDENTS as symbol, { value: derived, writable: true, configurable: true });
}

/** Shared by all signals, so that a task has no functions of its own for this. */
const METHODS: PropertyDescriptorMap = {
  ...(DEPENDENTS && { [DEPENDENTS]: { configurable: true, get: () => undefined, set: guardDerived } }),
  addEventListener: {
    configurable: true,
    writable: true,
    value: function addEventListener(this: AbortSignal, type: string, listener: Listener | null, options?: unknown) {
      // Node's own function refuses what is no listener.
      const isListener = typeof listener === 'function' || (typeof listener === 'object' && listener !== null);
      const called = isListener ? guarded(listener) : listener;
      (EventTarget.prototype.addEventListener as Method).call(this, type, called, options);
    },
  },
  removeEventListener: {
    configurable: true,
    writable: true,
    value: function removeEventListener(this: AbortSignal, type: string, listener: Listener | null, options?: unknown) {
      const known = (listener && GUARDED.get(listener)) ?? listener;
      (EventTarget.prototype.removeEventListener as Method).call(this, type, known, options);
    },
  },
};
