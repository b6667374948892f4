import type {
  Creation,
  Executor,
  OpenTaskStore,
  StoreSettings,
  StoreSizes,
  TaskDraft,
  TaskFeed,
  TaskRecord,
  TaskStore,
  TaskWriter,
} from '../../lib/index.js';
import { TaskError } from '../../lib/index.js';
import type { MemoryFeed } from '../../lib/core/store/memory-feed.js';
import { MemoryStore } from '../../lib/core/store/memory-store.js';
import { TimeLimit } from '../../lib/core/store/time-limit.js';
import { openMemory } from '../support/stores/memory-stores.js';

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
export class AsyncStore implements OpenTaskStore {
  /** The data of every event that was committed, in order. */
  readonly committed: string[] = [];
  /** How many calls wait to come through. */
  waiting = 0;
  fate: (operation: Operation) => Fate = () => 'answered';
  /** Appends and ends are refused from now on: another instance has the task. */
  fenced = false;
  executor: Executor | undefined;
  #memory = openMemory();
  #patience: TimeLimit | undefined;

  constructor(
    readonly turn: (operation: Operation) => Promise<unknown>,
    readonly answer: (operation: Operation) => Promise<unknown> = turn,
    readonly shared = true,
  ) {}

  /** What a manager is given. */
  readonly store: TaskStore = (settings: StoreSettings) => {
    this.#memory = new MemoryStore(settings);
    this.#patience = new TimeLimit(settings.clock, settings.appendPatienceMs);
    return this;
  };

  async create(draft: TaskDraft): Promise<Creation> {
    return this.#call('create', () => {
      const creation = this.#memory.create(draft);
      return creation.created ? { created: true, writer: this.#writer(creation.writer) } : creation;
    });
  }

  find: OpenTaskStore['find'] = async (ref) => this.#call('find', () => this.#memory.find(ref));
  list: OpenTaskStore['list'] = async (filter) => this.#call('list', () => this.#memory.list(filter));
  open: OpenTaskStore['open'] = async (taskId): Promise<TaskFeed | undefined> =>
    this.#call('open', () => this.#memory.open(taskId));
  departedAt: OpenTaskStore['departedAt'] = async (taskId, subscriberId) =>
    this.#call('departedAt', () => this.#memory.departedAt(taskId, subscriberId));
  requestCancel: OpenTaskStore['requestCancel'] = async (taskId, reason) =>
    this.#call('requestCancel', () => this.#memory.requestCancel(taskId, reason));
  claim: OpenTaskStore['claim'] = async (taskId) => this.#call('claim', () => this.#memory.claim(taskId));
  sweep: OpenTaskStore['sweep'] = async () => this.#call('sweep', () => this.#memory.sweep());

  sizes(): StoreSizes {
    return this.#memory.sizes();
  }

  /** The newest task that the store has, as somebody sees it who needs no answer of the store to come by it. */
  get newest(): MemoryFeed {
    const [{ taskId } = { taskId: '' }] = this.#memory.list({ limit: 1 });
    const feed = this.#memory.open(taskId);
    if (feed === undefined) throw new Error('The store has no task');
    return feed;
  }

  cancelNewest(message: string): void {
    this.#memory.requestCancel(this.newest.record.taskId, { code: 'TASK_CANCELLED', message });
  }

  takeNewest(): void {
    this.newest.record.orphaned = true;
    this.#memory.claim(this.newest.record.taskId);
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
      const done = this.#call(operation, act, before, () => pass());
      return this.#patience?.within(this.#patience.ms, done) ?? done;
    };
    return {
      record: writer.record,
      begin: (executor) => {
        this.executor = executor;
        writer.begin(executor);
      },
      countSubscribers: () => writer.countSubscribers(),
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
