/** Keeps the number of subscribers up to date for the tasks that run here, wherever those are attached. */
import { ignore } from '../../core/optional-promise.js';
import type { CopyRegistry } from '../copies/copy-registry.js';
import type { Audience } from '../fleet/audience.js';
import { SingleFlight } from '../single-flight.js';
import type { Turn } from '../turn.js';
import type { SharedWriter } from './writer.js';

/** The number of tasks that are counted in one call. */
const PAGE = 500;

/** The parts of an instance that subscribers are counted with. */
export interface CountingParts {
  readonly turn: Turn;
  readonly audience: Audience;
  readonly copies: CopyRegistry;
}

/** Counts the subscribers of tasks together, once a turn, and again for as long as the count may be wrong. */
export class AudienceCounts {
  /** Tasks whose audience may have changed since it was read. */
  readonly #changed = new Set<string>();
  /** Tasks that are counted again later: the store did not answer, or nobody can tell yet who of those counted lives. */
  readonly #doubtful = new Set<string>();
  readonly #counting = new SingleFlight(() => this.#count());

  /** @param writers of the tasks that run here */
  constructor(
    readonly parts: CountingParts,
    readonly writers: ReadonlyMap<string, SharedWriter>,
  ) {}

  /** Somebody may have come or gone elsewhere. */
  note(taskId: string): void {
    if (!this.writers.has(taskId)) return;
    if (this.#changed.size === 0) this.parts.turn.add(() => void this.#counting.run().catch(ignore));
    this.#changed.add(taskId);
  }

  /** Subscribers may have left unheard, as those of an instance that is gone. */
  noteAll(): void {
    for (const taskId of this.writers.keys()) {
      const copy = this.parts.copies.get(taskId);
      if (copy === undefined || copy.record.subscribers > copy.local) this.note(taskId);
    }
  }

  /** Counts again what is not certain. */
  recount(): Promise<void> {
    for (const taskId of this.#doubtful) this.#changed.add(taskId);
    this.#doubtful.clear();
    return this.#counting.run();
  }

  /** All subscribers of a task, as the store knows them now. */
  async countSubscribers(taskId: string): Promise<number> {
    const [others = 0] = await this.parts.audience.countOthers([taskId]);
    if (others > 0) this.note(taskId); // nobody has told of them, or they are not certain to live
    return others + (this.parts.copies.get(taskId)?.local ?? 0);
  }

  async #count(): Promise<void> {
    while (this.#changed.size > 0) {
      const page = [...this.#changed].slice(0, PAGE);
      for (const taskId of page) this.#changed.delete(taskId); // before the call, which may not see what is noted from now on
      try {
        const counts = await this.parts.audience.count(page);
        page.forEach((taskId, index) => {
          const count = counts[index]?.answer;
          if (count?.isCertain !== true) this.#doubtful.add(taskId);
          if (count !== undefined) this.#tell(taskId, count.others);
        });
      } catch (error) {
        for (const taskId of [...page, ...this.#changed]) this.#doubtful.add(taskId);
        this.#changed.clear(); // so that the next note begins again
        throw error;
      }
    }
  }

  /** A task that was taken over has no copy here until somebody asks for one. */
  #tell(taskId: string, others: number): void {
    const copy = this.parts.copies.get(taskId);
    if (copy !== undefined) copy.setOthers(others);
    else this.writers.get(taskId)?.executor.audienceChanged(others);
  }
}
