import type { Bell, Note } from '../../lib/distributed/port/bell.js';
import type { TaskDriver } from '../../lib/store/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { append, draftOf, openDriver, progressAt } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

const files = new SqliteFiles();

afterAll(() => {
  files.remove();
});

/** Two instances with a connection each to one file; what the first hears. */
class Listening {
  readonly clock = new ManualClock();
  readonly heard: unknown[] = [];
  readonly first: TaskDriver;
  readonly second: TaskDriver;
  readonly bell: Bell;

  constructor() {
    const path = files.newPath();
    this.first = openDriver(files.connect(path), { clock: this.clock, instance: 'a' });
    this.second = openDriver(files.connect(path), { clock: this.clock, instance: 'b' });
    this.bell = this.first.listen({
      appended: (taskId, entries) => this.heard.push(['appended', taskId, entries]),
      noted: (note) => this.heard.push(note),
      missed: () => this.heard.push('missed'),
    });
  }

  /** Long enough for whatever polls. */
  async listen(): Promise<unknown[]> {
    for (let poll = 0; poll < 3; poll++) {
      this.clock.advance(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.heard.splice(0);
  }
}

describe('an instance that follows a task in a SQLite file', () => {
  it('is notified once that another process has appended to it, and of no other task', async () => {
    const { second, bell, ...rest } = listening();
    await second.create(draftOf('t'), 'b');
    await second.create(draftOf('u'), 'b');
    await append(second, progressAt('t', 1));
    await bell.follow('t');
    await Promise.all(second.append([progressAt('t', 2), progressAt('u', 1)]));
    await append(second, progressAt('t', 3));
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
    expect(await rest.listen()).toEqual([]);
    await append(second, progressAt('t', 4));
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
    bell.unfollow('t');
    await append(second, progressAt('t', 5));
    expect(await rest.listen()).toEqual([]);
  });

  it('is notified of appends of its own process, too', async () => {
    const { first, bell, ...rest } = listening();
    await first.create(draftOf('t'), 'a');
    await bell.follow('t');
    await append(first, progressAt('t', 1));
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
  });

  it('is notified that it is forgotten', async () => {
    const { second, clock, bell, ...rest } = listening();
    await second.create(draftOf('t'), 'b');
    const ending = { status: 'completed' as const, outcome: '{}' };
    await append(second, progressAt('t', 1, '{}', { ending }));
    await bell.follow('t');
    await rest.listen();
    clock.advance(1_000);
    await second.expire(10);
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
  });

  it('is told that it may have missed something where too much has changed', async () => {
    const { second, bell, clock, ...rest } = listening();
    await second.create(draftOf('t'), 'b');
    await bell.follow('t');
    const many = progressAt('t', 1);
    const entries = Array.from({ length: 10_001 }, (_, i) => progressAt('t', i + 1).entries[0]!);
    await append(second, { ...many, entries });
    expect(await rest.listen()).toEqual(['missed']);
    expect(clock.timers).toBe(1);
  });
});

describe('notes between instances on a SQLite file', () => {
  it('reach the one that they are for, or all of them, while it holds a task', async () => {
    const { first, second, ...rest } = listening();
    await first.create(draftOf('t'), 'a');
    await rest.listen();
    const cancel: Note = { kind: 'cancel', taskId: 't' };
    const orphan: Note = { kind: 'orphan', handler: 'name:x' };
    await second.ring('a', cancel);
    await second.ring('b', { kind: 'audience', taskId: 't' });
    await second.ring(undefined, orphan);
    expect(await rest.listen()).toEqual([cancel, orphan]);
  });

  it('are heard from the moment on in which it begins to listen', async () => {
    const { second, ...rest } = listening();
    const orphan: Note = { kind: 'orphan', handler: 'name:x' };
    await second.ring('a', orphan);
    expect(await rest.listen()).toEqual([orphan]);
  });

  it('reach the instance that has sent them, too', async () => {
    const { first, ...rest } = listening();
    await first.ring('a', { kind: 'echo', nonce: '1' });
    await rest.listen();
    await first.ring('a', { kind: 'echo', nonce: '2' });
    expect(await rest.listen()).toEqual([{ kind: 'echo', nonce: '2' }]);
  });

  it('reach an instance that follows and holds nothing', async () => {
    const { second, clock, ...rest } = listening();
    await rest.listen();
    const orphan: Note = { kind: 'orphan', handler: 'name:x' };
    await second.ring(undefined, orphan);
    clock.advance(100);
    expect(await rest.listen()).toEqual([orphan]);
  });

  it('hardly cost an idle instance anything: it polls once after each beat', async () => {
    const { first, clock, ...rest } = listening();
    await first.beat({ instance: 'a', leaseMs: 1_000, schema: 2 });
    expect(clock.timers).toBe(1);
    await rest.listen();
    expect(clock.timers).toBe(0);
  });
});

it('a closed bell is silent and leaves no timer', async () => {
  const { first, second, bell, clock, ...rest } = listening();
  await second.create(draftOf('t'), 'b');
  await bell.follow('t');
  bell.close();
  await append(second, progressAt('t', 1));
  await first.ring('a', { kind: 'echo', nonce: '1' });
  expect(await rest.listen()).toEqual([]);
  expect(clock.timers).toBe(0);
});

function listening() {
  const all = new Listening();
  return { first: all.first, second: all.second, bell: all.bell, clock: all.clock, listen: () => all.listen() };
}
