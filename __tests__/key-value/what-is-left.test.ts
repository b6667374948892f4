import { createKeyValueDriver, type TaskDriver } from '../../lib/store/index.js';
import { append, created, draft, endAfter, TTL_MS } from '../contracts/driver-steps.js';
import { START } from '../../lib/distributed/port/stored.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapKeyValue } from '../support/stores/map-key-value.js';

/** A task that is not visible after so long never will be, in ms. */
const START_MS = 60_000;
const OWNED = { owner: 'ann', idempotencyKey: 'once', slot: 'chat' };

/** A store of which some answers get lost although the call is carried out, and that may stop answering. */
class LossyKeyValue extends MapKeyValue {
  /** Says whose answer is lost; from then on nothing is carried out where `isDead`. */
  loses: (key: string, value: string | undefined) => boolean = () => false;
  isDead = false;

  override async swap(key: string, expected: string | undefined, value: string | undefined): Promise<boolean> {
    if (this.isDead) throw new Error('The process is dead');
    const answer = await super.swap(key, expected, value);
    if (this.loses(key, value)) throw new Error('The answer is lost');
    return answer;
  }
}

describe('A key-value store, when all its tasks are over', () => {
  let keyValue: LossyKeyValue;
  let clock: ManualClock;
  let driver: TaskDriver;
  beforeEach(() => {
    keyValue = new LossyKeyValue();
    clock = new ManualClock();
    driver = createKeyValueDriver({ keyValue });
    driver.open({
      ...{ instance: 'one', clock, ttlMs: TTL_MS, runningTtlMs: TTL_MS, timeoutMs: 2_000 },
      ...{ limits: { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner: 2 },
    });
  });
  afterEach(() => driver.close());

  /** What is left beside notes, which stand for a minute. */
  const left = (): string[] => [...keyValue.values.keys()].filter((key) => !key.startsWith('note/'));

  const endedAndWatched = async (): Promise<void> => {
    const { taskId } = await created(driver, OWNED);
    await driver.reportAudience([{ taskId, instance: 'one', version: 1, count: 1, moves: [] }]);
    await append(driver, endAfter(taskId, START));
  };
  const expireAll = async (): Promise<void> => {
    for (let n = 0; n < 3; n++) {
      clock.advance(TTL_MS + 1);
      await driver.expire(9);
    }
  };

  it('has nothing of them, nor of who watched them', async () => {
    await endedAndWatched();
    await expireAll();
    expect(left()).toEqual([]);
  });

  it.each(['isForgotten', 'audience/'])('has nothing of one whose clearing got no answer: %s', async (lost) => {
    await endedAndWatched();
    clock.advance(TTL_MS + 1);
    keyValue.loses = (key, value) => (keyValue.isDead ||= `${key} ${value}`.includes(lost));
    await expect(driver.expire(9)).rejects.toThrow();
    keyValue.isDead = false;
    keyValue.loses = () => false;
    await expireAll();
    expect(left()).toEqual([]);
  });

  it.each([
    ['its idempotency key', OWNED, 'idempotencyKey'],
    ['its slot', { ...OWNED, idempotencyKey: 'another' }, 'slot'],
    ['all places of its owner', { owner: 'ann', idempotencyKey: 'another', slot: 'another' }, 'quota'],
  ])('has nothing of a start that was refused for %s', async (_, names, taken) => {
    await created(driver, OWNED);
    await created(driver, { owner: 'ann' });
    const before = left();
    expect(await driver.create(draft(names), 'one')).toMatchObject({ taken });
    expect(left()).toEqual(before);
  });

  it('has nothing of a start whose process died, though nobody starts anything afterwards', async () => {
    keyValue.loses = (key) => (keyValue.isDead ||= key.startsWith('quota/'));
    await expect(driver.create(draft(OWNED), 'one')).rejects.toThrow();
    keyValue.isDead = false;
    keyValue.loses = () => false;
    expect(left()).toHaveLength(5);
    clock.advance(START_MS + 1);
    await driver.expire(9);
    expect(left()).toEqual([]);
  });
});
