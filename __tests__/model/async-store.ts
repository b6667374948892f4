import type {
  Creation,
  Executor,
  StoreSettings,
  StoreSizes,
  TaskDraft,
  TaskFeed,
  TaskRecord,
  TaskStore,
  TaskWriter,
} from '../../lib/index.js';
import { TaskError } from '../../lib/index.js';
import { MemoryStore } from '../../lib/core/memory-store.js';

export type Operation =
  | 'create'
  | 'find'
  | 'list'
  | 'open'
  | 'departedAt'
  | 'requestCancel'
  | 'claim'
  | 'sweep'
  | 'append'
  | 'finish'
  | 'release';

/**
 * What becomes of one call: it is done and answered, it is refused and nothing is done, it is done and the answer
 * never comes, or it never comes through at all.
 */
export type Fate = 'answered' | 'refused' | 'unanswered' | 'lost';

/**
 * A store that answers later: tasks in memory, behind a network that the test holds in its hands. `turn` decides when
 * a call comes through, `answer` when its answer arrives. What is appended is acknowledged at once when it is in the
 * log, since nobody may read there what was not acknowledged.
 */
export class AsyncStore implements TaskStore {
  /** The data of every event that was committed, in order. */
  readonly committed: string[] = [];
  /** How many calls wait to come through. */
  waiting = 0;
  fate: (operation: Operation) => Fate = () => 'answered';
  /** Appends and ends are refused from now on: another instance has the task. */
  fenced = false;
  executor: Executor | undefined;
  readonly #memory = new MemoryStore();

  constructor(
    readonly turn: (operation: Operation) => Promise<unknown>,
    readonly answer: (operation: Operation) => Promise<unknown> = turn,
    readonly shared = true,
  ) {}

  start(settings: StoreSettings): void {
    this.#memory.start(settings);
  }

  async create(draft: TaskDraft, executor: Executor): Promise<Creation> {
    return this.#call('create', () => {
      this.executor = executor;
      const creation = this.#memory.create(draft, executor);
      return creation.created ? { created: true, writer: this.#writer(creation.writer) } : creation;
    });
  }

  find: TaskStore['find'] = async (ref) => this.#call('find', () => this.#memory.find(ref));
  list: TaskStore['list'] = async (filter) => this.#call('list', () => this.#memory.list(filter));
  open: TaskStore['open'] = async (taskId): Promise<TaskFeed | undefined> =>
    this.#call('open', () => this.#memory.open(taskId));
  departedAt: TaskStore['departedAt'] = async (taskId, subscriberId) =>
    this.#call('departedAt', () => this.#memory.departedAt(taskId, subscriberId));
  requestCancel: TaskStore['requestCancel'] = async (taskId, reason) =>
    this.#call('requestCancel', () => this.#memory.requestCancel(taskId, reason));
  claim: TaskStore['claim'] = async (...args) => this.#call('claim', () => this.#memory.claim(...args));
  sweep: TaskStore['sweep'] = async () => this.#call('sweep', () => this.#memory.sweep());

  sizes(): StoreSizes {
    return this.#memory.sizes();
  }

  /** What the store has, whatever it has answered. */
  recordOf(taskId: string): TaskRecord | undefined {
    const found = this.#memory.find({ taskId });
    return found?.status === 'expired' ? undefined : found;
  }

  #writer(writer: TaskWriter): TaskWriter {
    let queue: Promise<unknown> = Promise.resolve();
    // In the order of the calls, each after the one before it has come through.
    const inOrder = (operation: Operation, act: () => void): Promise<void> => {
      const before = queue;
      let pass: () => void;
      queue = new Promise<void>((resolve) => (pass = resolve));
      return this.#call(operation, act, before, () => pass());
    };
    return {
      record: writer.record,
      append: (event, json) =>
        inOrder('append', () => {
          this.#assertNotFenced();
          void writer.append(event, json);
          this.committed.push(json);
        }),
      finish: (status, json) =>
        inOrder('finish', () => {
          this.#assertNotFenced();
          void writer.finish(status, json);
          this.committed.push(json);
        }),
      release: () => inOrder('release', () => void writer.release()),
    };
  }

  #assertNotFenced(): void {
    if (this.fenced) throw new TaskError('FENCED', 'Another instance has taken the task over');
  }

  async #call<T>(
    operation: Operation,
    act: () => T,
    before: Promise<unknown> = Promise.resolve(),
    passed: () => void = () => undefined,
  ): Promise<Awaited<T>> {
    const fate = this.fate(operation);
    this.waiting++;
    await before;
    await this.turn(operation);
    this.waiting--;
    let answer: Promise<never> | T = NEVER;
    try {
      if (fate === 'refused') throw new TaskError('STORE_UNAVAILABLE', 'The store is not there');
      if (fate !== 'lost') answer = act();
    } finally {
      passed();
    }
    if (fate === 'unanswered') return NEVER;
    if (operation !== 'append' && operation !== 'finish') await this.answer(operation);
    return await answer;
  }
}

const NEVER = new Promise<never>(() => undefined);
