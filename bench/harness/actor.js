// A module in a process of its own, whose exported functions are called from here.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./actor-main.js', import.meta.url));
/** Where two cores are there, server and load do not mix. */
const CORES = { server: 0, load: 1 };
/** Where the CPU profile of every server goes; none where it is not set. */
const PROFILES = process.env.BENCH_PROFILE;

export class Actor {
  #child;
  #calls = new Map();
  #lastId = 0;

  /** @param role `server` or `load`: which core it is pinned to */
  static async spawn(url, role) {
    const actor = new Actor();
    const profile = PROFILES && role === 'server' ? ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`] : [];
    actor.#child = fork(MAIN, [`${url}`], { execArgv: ['--expose-gc', ...profile] });
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
    if (role !== undefined) pin(actor.#child.pid, CORES[role]);
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
