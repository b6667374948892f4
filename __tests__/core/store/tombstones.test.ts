import { KIB, RegistryFixture, TTL_MS } from '../../support/stores/registry-fixture.js';

const fixture = new RegistryFixture();
const { add, end, finished, open, statusOf } = fixture;

beforeEach(() => open());

describe('tombstones', () => {
  it('are bounded: the oldest goes first', () => {
    const first = finished();
    const second = finished();
    fixture.clock.advance(TTL_MS);
    fixture.registry.sweep();
    for (let n = 0; n < 9_999; n++) finished();
    fixture.clock.advance(TTL_MS / 2);
    expect([first, second].map(statusOf)).toEqual(['expired', 'expired']);
    fixture.clock.advance(TTL_MS / 2 - 1);
    fixture.registry.sweep();
    expect(fixture.registry.sizes.tombstones).toBe(2);
    fixture.clock.advance(1);
    fixture.registry.sweep();
    expect(fixture.registry.sizes).toEqual({ finished: 0, tombstones: 9_999, bufferedBytes: 0 });
    const more = [finished(), finished()];
    fixture.clock.advance(TTL_MS - 1);
    fixture.registry.sweep();
    expect(fixture.registry.sizes.tombstones).toBe(9_999);
    fixture.clock.advance(1);
    fixture.registry.sweep();
    expect(more.map(statusOf)).toEqual(['expired', 'expired']);
    expect(fixture.registry.sizes.tombstones).toBe(2);
  });

  it('never exceed ten thousand, however many tasks are forgotten at once', () => {
    open({ maxBufferedBytes: 4 * KIB });
    const tasks = Array.from({ length: 10_050 }, () => finished());
    expect(fixture.registry.sizes.tombstones).toBe(10_000);
    const forgotten = 10_050 - fixture.registry.sizes.finished - 10_000;
    expect(forgotten).toBeGreaterThan(0);
    expect(statusOf(tasks[forgotten - 1]!)).toBeUndefined();
    expect(statusOf(tasks[forgotten]!)).toBe('expired');
    fixture.clock.advance(TTL_MS);
    fixture.registry.sweep();
    fixture.clock.advance(TTL_MS);
    expect(fixture.registry.sweep()).toBe(false);
  });

  it('of one owner stay, however many another leaves', () => {
    open({ maxBufferedBytes: 4 * KIB });
    const tasks = Array.from({ length: 5 }, () => end(add(0, 'ann')));
    for (let n = 0; n < 10_050; n++) end(add(0, 'eve'));
    expect(fixture.registry.sizes.tombstones).toBe(10_000);
    expect(statusOf(tasks[0]!)).toBe('expired');
    expect(tasks.map(statusOf)).not.toContain(undefined);
  });

  it('name the owner, and nothing of the task', () => {
    const task = end(add(1, 'ann'));
    fixture.clock.advance(TTL_MS);
    fixture.registry.sweep();
    const grave = fixture.registry.find({ resumeKey: task.resumeKey });
    expect(grave).toBe(fixture.registry.find({ taskId: task.taskId }));
    expect(grave).toEqual({ status: 'expired', taskId: task.taskId, resumeKey: task.resumeKey, owner: 'ann' });
  });
});
