// A module in a process of its own, whose exported functions are called from here. A workload is one file: its `run`
// stays in the main process, its server and its load are the same file in two more.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./actor-main.js', import.meta.url));

export class Actor {
  #child;
  #calls = new Map();
  #lastId = 0;

  /** @param options.core which core it is pinned to where there are two, so that server and load do not mix */
  static async spawn(url, { core, execArgv = [] } = {}) {
    const actor = new Actor();
    actor.#child = fork(MAIN, [url], { execArgv: ['--expose-gc', ...execArgv] });
    actor.#child.on('message', ({ id, result, error }) => {
      const { resolve, reject } = actor.#calls.get(id) ?? {};
      actor.#calls.delete(id);
      if (error === undefined) resolve?.(result);
      else reject?.(new Error(error));
    });
    actor.exited = once(actor.#child, 'exit').then(([code, signal]) => {
      for (const { reject } of actor.#calls.values()) reject(new Error(`exited with ${code ?? signal}`));
      return code ?? signal;
    });
    await actor.call('ready');
    if (core !== undefined) pin(actor.#child.pid, core);
    return actor;
  }

  call(name, ...args) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#child.send({ id, name, args });
    });
  }

  /** Closes the channel and lets it go: an actor that holds nothing open exits by itself. */
  async release() {
    await this.call('release');
    this.#child.disconnect();
  }

  async exit() {
    this.call('exit').catch(() => {});
    await this.exited;
  }
}

function pin(pid, core) {
  if (availableParallelism() < 2) return;
  try {
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Not on this system: then the scheduler decides.
  }
}
