import type { Notifications, Note } from '../../lib/distributed/port/notifications.js';
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
  readonly notifications: Notifications;

  constructor() {
    const path = files.newPath();
    this.first = openDriver(files.connect(path), { clock: this.clock, instance: 'a' });
    this.second = openDriver(files.connect(path), { clock: this.clock, instance: 'b' });
    this.notifications = this.first.listen({
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
    const { second, notifications, ...rest } = listening();
    await second.create(draftOf('t'), 'b');
    await second.create(draftOf('u'), 'b');
    await append(second, progressAt('t', 1));
    await notifications.follow('t');
    await Promise.all(second.append([progressAt('t', 2), progressAt('u', 1)]));
    await append(second, progressAt('t', 3));
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
    expect(await rest.listen()).toEqual([]);
    await append(second, progressAt('t', 4));
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
    notifications.unfollow('t');
    await append(second, progressAt('t', 5));
    expect(await rest.listen()).toEqual([]);
  });

  it('is notified of appends of its own process, too', async () => {
    const { first, notifications, ...rest } = listening();
    await first.create(draftOf('t'), 'a');
    await notifications.follow('t');
    await append(first, progressAt('t', 1));
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
  });

  it('is notified that it is forgotten', async () => {
    const { second, clock, notifications, ...rest } = listening();
    await second.create(draftOf('t'), 'b');
    const ending = { status: 'completed' as const, outcome: '{}' };
    await append(second, progressAt('t', 1, '{}', { ending }));
    await notifications.follow('t');
    await rest.listen();
    clock.advance(1_000);
    await second.expire(10);
    expect(await rest.listen()).toEqual([['appended', 't', undefined]]);
  });

  it('is told that it may have missed something where too much has changed', async () => {
    const { second, notifications, clock, ...rest } = listening();
    await second.create(draftOf('t'), 'b');
    await notifications.follow('t');
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
    await second.notify('a', cancel);
    await second.notify('b', { kind: 'audience', taskId: 't' });
    await second.notify(undefined, orphan);
    expect(await rest.listen()).toEqual([cancel, orphan]);
  });

  it('are heard from the moment on in which it begins to listen', async () => {
    const { second, ...rest } = listening();
    const orphan: Note = { kind: 'orphan', handler: 'name:x' };
    await second.notify('a', orphan);
    expect(await rest.listen()).toEqual([orphan]);
  });

  it('reach the instance that has sent them, too', async () => {
    const { first, ...rest } = listening();
    await first.notify('a', { kind: 'echo', nonce: '1' });
    await rest.listen();
    await first.notify('a', { kind: 'echo', nonce: '2' });
    expect(await rest.listen()).toEqual([{ kind: 'echo', nonce: '2' }]);
  });

  it('reach an instance that follows and holds nothing', async () => {
    const { second, clock, ...rest } = listening();
    await rest.listen();
    const orphan: Note = { kind: 'orphan', handler: 'name:x' };
    await second.notify(undefined, orphan);
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

it('notifications that are closed are silent and leave no timer', async () => {
  const { first, second, notifications, clock, ...rest } = listening();
  await second.create(draftOf('t'), 'b');
  await notifications.follow('t');
  notifications.close();
  await append(second, progressAt('t', 1));
  await first.notify('a', { kind: 'echo', nonce: '1' });
  expect(await rest.listen()).toEqual([]);
  expect(clock.timers).toBe(0);
});

function listening() {
  const all = new Listening();
  return {
    first: all.first,
    second: all.second,
    notifications: all.notifications,
    clock: all.clock,
    listen: () => all.listen(),
  };
}
