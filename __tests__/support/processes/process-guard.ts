import vm from 'node:vm';

// Jest gives tests a copy of `process` that hears nothing; this is the one that does.
const realProcess = vm.runInThisContext('process') as NodeJS.Process;
const EVENTS = ['unhandledRejection', 'uncaughtException', 'warning'] as const;

/** Collects what no run may cause: unhandled rejections, uncaught exceptions, and warnings such as MaxListeners. */
export class ProcessGuard {
  readonly incidents: string[] = [];
  readonly #listeners = EVENTS.map((event) => {
    const listener = (what: unknown): void => {
      this.incidents.push(`${event}: ${what instanceof Error ? (what.stack ?? what.message) : describe(what)}`);
    };
    realProcess.on(event, listener);
    return { event, listener };
  });

  /** What happened since the last call. */
  take(): string[] {
    return this.incidents.splice(0);
  }

  close(): void {
    for (const { event, listener } of this.#listeners) realProcess.off(event, listener);
  }
}

/** Errors of Node itself come from another realm, where `instanceof Error` says no. */
function describe(what: unknown): string {
  const { name, message, stack } = what as Partial<Error>;
  return stack ?? `${name ?? typeof what} ${message ?? String(what)}`;
}
