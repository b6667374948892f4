import { createTaskViewStore } from '../../lib/react/task-view-store.js';
import type { UseTaskOptions } from '../../lib/react/index.js';
import { settle } from '../support/clients/fake-fetch.js';
import { complete, frame, KEY, passes, problem, URL_, useFakeServer } from '../support/servers/fake-task-server.js';
import { Items } from '../support/clients/task-storage.js';

const { fake, streamOf } = useFakeServer();

/** A mounted component without React: what the hook does with its store. */
function mount(options: UseTaskOptions<unknown, string> = {}) {
  const store = createTaskViewStore<unknown, string>(URL_);
  let renders = 0;
  store.configure(options);
  const unmount = store.subscribe(() => renders++);
  return { store, unmount, view: store.view, renders: () => renders };
}

async function unmounted(component: ReturnType<typeof mount>): Promise<void> {
  component.unmount();
  await settle();
}

describe('a page that is reloaded', () => {
  it.each([
    ['completed', complete(2), { result: 'done' }],
    [
      'failed',
      frame(2, { error: { code: 'BAD', message: 'no' } }, 'failed'),
      { error: { code: 'BAD', message: 'no' } },
    ],
    ['cancelled', frame(2, { code: 'TASK_ABANDONED', reason: 'nobody' }, 'cancelled'), {}],
  ])('after the end (%s) shows it again and runs nothing', async (status, end, shown) => {
    const storage = new Items();
    const before = mount({ storage });
    (await streamOf(1)).stream.write(frame(1, 'Hello') + end);
    await settle();
    expect(before.view()).toMatchObject({ status, text: 'Hello', ...shown });
    await unmounted(before);
    const after = mount({ storage });
    expect(after.view()).toMatchObject({ status, text: 'Hello', progress: 'Hello', ...shown });
    expect(after.view().error === undefined).toBe(status === 'completed');
    await settle();
    expect(fake.asked).toHaveLength(1);
    await unmounted(after);
  });

  it('reattaches to its task while that runs', async () => {
    const storage = new Items();
    const before = mount({ storage, autoStart: 'resume' });
    before.store.start({ method: 'POST', body: 'question' });
    await streamOf(1);
    await unmounted(before);
    const after = mount({ storage, autoStart: 'resume' });
    const { asked, stream } = await streamOf(2);
    expect(asked.headers.get('last-event-id')).toBe(`${KEY}.0`);
    stream.write(complete(1));
    await settle();
    expect(after.view()).toMatchObject({ status: 'completed', result: 'done' });
    await unmounted(after);
  });

  it('after the server has forgotten its task starts a new one at once', async () => {
    const storage = new Items();
    storage.setItem(`task:${URL_}`, `${KEY}.0 `);
    const page = mount({ storage });
    (await fake.request(1)).answer(...problem(404, 'TASK_NOT_FOUND'));
    const { asked, stream } = await streamOf(2);
    expect(asked.headers.has('idempotency-key')).toBe(true);
    stream.write(complete(1));
    await settle();
    expect([page.view().status, page.view().error]).toEqual(['completed', undefined]);
    await unmounted(page);
  });

  it('stays idle with nothing stored in mode "resume"', async () => {
    const page = mount({ storage: new Items(), autoStart: 'resume' });
    await settle();
    expect([page.view().status, page.view().error, fake.asked]).toEqual(['idle', undefined, []]);
    await unmounted(page);
  });

  it('shows the newer task where an older one has ended since', async () => {
    const storage = new Items();
    const old = mount({ storage });
    const first = await streamOf(1);
    const tab = mount({ storage, autoStart: false });
    tab.store.start({ method: 'POST', body: 'B' });
    await fake.request(2);
    first.stream.write(complete(1));
    await settle();
    await unmounted(old);
    await unmounted(tab);
    const after = mount({ storage, method: 'POST', body: 'B' });
    const { asked } = await streamOf(3);
    expect(asked.headers.get('idempotency-key')).toBe(fake.asked[1]!.headers.get('idempotency-key'));
    await unmounted(after);
  });
});

it('start() always starts a task: the second question gets its own answer', async () => {
  const storage = new Items();
  const { store, ...page } = mount({ storage, autoStart: false, method: 'POST' });
  store.start({ body: 'A' });
  (await streamOf(1)).stream.write(complete(1, 'a'));
  await settle();
  expect(store.view().result).toBe('a');
  store.start({ body: 'B' });
  const { asked, stream } = await streamOf(2);
  expect(await asked.request.text()).toBe('B');
  expect(asked.headers.get('idempotency-key')).not.toBe(fake.asked[0]!.headers.get('idempotency-key'));
  expect([store.view().status, store.view().result]).toEqual(['open', undefined]);
  stream.write(complete(1, 'b'));
  await settle();
  expect(store.view().result).toBe('b');
  await unmounted({ store, ...page });
});

it('the hook uses the options of the last render: a new token is sent, a new callback called', async () => {
  const heard: string[] = [];
  const options = (name: string): UseTaskOptions<unknown, string> => ({
    headers: { Authorization: name },
    onProgress: () => heard.push(name),
  });
  const page = mount(options('old'));
  const { stream } = await streamOf(1);
  stream.write(frame(1, 1));
  await settle();
  page.store.configure(options('new'));
  stream.cut();
  await passes(1_000);
  const second = await streamOf(2, 1);
  second.stream.write(frame(2, 2) + complete(3));
  await settle();
  expect(fake.asked.map(({ headers }) => headers.get('authorization'))).toEqual(['old', 'new']);
  expect(heard).toEqual(['old', 'new']);
  await unmounted(page);
});

it('the hook renders once for all events within flushMs, and keeps the last ones, while text and progress are complete', async () => {
  const page = mount({ maxEvents: 3, flushMs: 50 });
  const { stream } = await streamOf(1);
  const before = page.renders();
  for (let seq = 1; seq <= 10; seq++) stream.write(frame(seq, `${seq} `));
  await settle();
  expect(page.renders()).toBe(before);
  await passes(50);
  expect(page.renders()).toBe(before + 1);
  expect(page.view()).toMatchObject({ text: '1 2 3 4 5 6 7 8 9 10 ', progress: '10 ' });
  expect(page.view().events.map((event) => 'seq' in event && event.seq)).toEqual([8, 9, 10]);
  stream.write(frame(11, 'so far: 11', 'snapshot') + frame(12, '!'));
  await settle();
  await passes(50);
  expect(page.view()).toMatchObject({ text: 'so far: 11!', snapshot: 'so far: 11' });
  expect(page.view().events).toHaveLength(2);
  await unmounted(page);
});

it('the hook shows which retry comes when, and why', async () => {
  const page = mount();
  (await fake.request(1)).answer(502, {}, 'bad gateway');
  await settle();
  expect(page.view()).toMatchObject({
    status: 'waiting',
    retry: { attempt: 1, waitMs: 2_000, cause: { status: 502 } },
  });
  await passes(2_000);
  (await streamOf(2)).stream.write(complete(1));
  await settle();
  expect(page.view()).toMatchObject({ status: 'completed', retry: undefined });
  await unmounted(page);
});

it('a component that is mounted again finds its task by its key', async () => {
  const page = mount({ autoStart: false });
  page.store.start();
  const first = await fake.request(1);
  await unmounted(page);
  const again = page.store.subscribe(() => undefined);
  const second = await fake.request(2);
  expect(second.headers.get('idempotency-key')).toBe(first.headers.get('idempotency-key'));
  again();
  await settle();
});

describe('a component that has gone', () => {
  it.each([
    ['before any start', false],
    ['after the end of a task', true],
  ])('%s notes a start, and begins it when it is mounted again', async (_when, hasEnded) => {
    const page = mount({ autoStart: hasEnded });
    if (hasEnded) (await streamOf(1)).stream.write(complete(1));
    await settle();
    await unmounted(page);
    const asked = fake.asked.length;
    page.store.start({ method: 'POST', body: 'late' });
    await settle();
    expect([fake.asked.length, page.view().status]).toEqual([asked, 'idle']);
    const again = page.store.subscribe(() => undefined);
    const { request } = await fake.request(asked + 1);
    expect(await request.text()).toBe('late');
    again();
    await settle();
  });

  it('shows an end that came in the piece of the answer in which it went', async () => {
    const page = mount({ onProgress: () => page.unmount() });
    (await streamOf(1)).stream.write(frame(1, 'a') + complete(2));
    await settle();
    const again = page.store.subscribe(() => undefined);
    expect(page.view()).toMatchObject({ status: 'completed', result: 'done' });
    again();
    await settle();
  });
});
