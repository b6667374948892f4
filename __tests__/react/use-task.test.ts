import express from 'express';
import { act, createElement, StrictMode, useEffect, type ReactNode } from 'react';
import type { Root } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { createTaskManager } from '../../lib/index.js';
import { useTask, type UseTask, type UseTaskOptions } from '../../lib/react/index.js';
import { Items } from '../support/clients/task-storage.js';
import { listen } from '../support/http/raw-http.js';

interface Step {
  step: number;
}
type Seen = UseTask<Step, string>;

interface DomWindow {
  document: { getElementById(id: string): unknown };
  navigator: object;
  close(): void;
}
// Its types would bring those of a page into every file.
const { JSDOM } = jest.requireActual<{ JSDOM: new (html: string) => { window: DomWindow } }>('jsdom');

const dom = new JSDOM('<!doctype html><div id="root"></div>');
const { window } = dom;
const pageGlobals = { window, document: window.document, navigator: window.navigator, IS_REACT_ACT_ENVIRONMENT: true };
for (const [name, value] of Object.entries(pageGlobals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
afterAll(() => {
  for (const name of Object.keys(pageGlobals)) Reflect.deleteProperty(globalThis, name);
  window.close();
});
// React looks for the document while it is loaded.
const { createRoot } = jest.requireActual<{ createRoot: (container: unknown) => Root }>('react-dom/client');

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server whose job takes two steps when it is let to, and a component that shows it and has a child, which is mounted first. */
async function show(
  options: UseTaskOptions<Step, string> = {},
  wrap = (node: ReactNode): ReactNode => node,
  onChildMount: (task: Seen) => void = () => undefined,
) {
  const inputs: unknown[] = [];
  const go: (() => void)[] = [];
  const tasks = createTaskManager({ retryMs: 1, tasksPath: '/tasks' });
  const job = tasks.handler<Step, string, unknown, unknown>(async ({ updateProgress, input }) => {
    inputs.push((input as { body: unknown }).body);
    await updateProgress({ step: 1 });
    await new Promise<void>((resolve) => go.push(resolve));
    await updateProgress({ step: 2 });
    if (inputs.length > 10) throw new Error('never');
    return 'built';
  });
  const server = await listen(express().use(express.text()).all('/job', job).use('/tasks', tasks.router()));
  // The client of a page resolves what the server says against the answer's own URL.
  const seen: Seen[] = [];
  let changed = (): void => undefined;
  const Child = ({ task }: { task: Seen }): null => {
    useEffect(() => onChildMount(task), []);
    return null;
  };
  const View = ({ path }: { path: string }): ReactNode => {
    const task = useTask<Step, string>(`${server.url}${path}`, options);
    seen.push(task);
    changed();
    return createElement(Child, { task });
  };
  const root = createRoot(dom.window.document.getElementById('root'));
  const render = (path: string): Promise<void> =>
    act(async () => root.render(wrap(createElement(View, { path, key: 'view' }))));
  closing.push(
    () => tasks.stop(),
    () => server.close(),
    () => act(async () => root.unmount()),
  );
  await render('/job');
  /** Resolves to the first view for which `is` holds, now or later. */
  const until = async (is: (view: Seen) => boolean): Promise<Seen> => {
    for (;;) {
      const last = seen.at(-1)!;
      if (is(last)) return last;
      await act(() => new Promise<void>((resolve) => (changed = resolve)));
    }
  };
  return { seen, inputs, go, until, render, tasks, unmount: () => act(async () => root.unmount()) };
}

const strict = (node: ReactNode): ReactNode => createElement(StrictMode, null, node);

it.each([
  ['as it is', undefined],
  ['in StrictMode, whose double effects start the job once', strict],
])('the hook shows a task to its end, %s', async (_name, wrap) => {
  const { until, go, inputs } = await show({}, wrap);
  const running = await until(({ progress }) => progress?.step === 1);
  expect([running.status, running.result, running.error]).toEqual(['open', undefined, undefined]);
  go[0]!();
  const done = await until(({ status }) => status === 'completed');
  expect([done.progress, done.result]).toEqual([{ step: 2 }, 'built']);
  expect(done.events.map(({ kind }) => kind)).toEqual(['progress', 'progress', 'complete']);
  expect(inputs).toHaveLength(1);
});

it('the hook waits for start() with autoStart off, and start() may bring the body', async () => {
  const { until, go, inputs, seen } = await show({
    autoStart: false,
    method: 'POST',
    headers: { 'Content-Type': 'text/plain' },
  });
  expect([seen.at(-1)!.status, inputs]).toEqual(['idle', []]);
  await act(async () => seen.at(-1)!.start({ body: 'orders' }));
  await until(({ progress }) => progress?.step === 1);
  go[0]!();
  await until(({ status }) => status === 'completed');
  expect(inputs).toEqual(['orders']);
});

it('the hook knows its options by the time that an effect of a child starts the task', async () => {
  const storage = new Items();
  const { until, inputs } = await show({ autoStart: false, storage }, undefined, ({ start }) => start());
  await until(({ progress }) => progress?.step === 1);
  expect([storage.items.size, inputs.length]).toEqual([1, 1]);
});

it('the hook cancels its task', async () => {
  const { until, seen } = await show();
  await until(({ progress }) => progress?.step === 1);
  await act(async () => seen.at(-1)!.cancel());
  const { error, events } = await until(({ status }) => status === 'cancelled');
  // A cancel of one's own is no error; the event says what it was.
  expect(error).toBeUndefined();
  expect(events.at(-1)).toMatchObject({ kind: 'cancelled', code: 'TASK_CANCELLED' });
});

it('the hook closes the stream with the component, and leaves the task running', async () => {
  const { until, unmount, tasks } = await show();
  await until(({ progress }) => progress?.step === 1);
  await unmount();
  const left = async (): Promise<number> => {
    for (;;) {
      const { connections, running } = tasks.getStatistics();
      if (connections === 0) return running;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  expect(await left()).toBe(1);
});

it('the hook cancels its task after the component has gone, and shows nothing any more', async () => {
  const { until, unmount, seen, tasks } = await show();
  await until(({ progress }) => progress?.step === 1);
  const { cancel } = seen.at(-1)!;
  await unmount();
  const { length } = seen;
  await cancel();
  expect([tasks.getStatistics().running, seen.length]).toEqual([0, length]);
});

it('the hook follows another task where the url changes', async () => {
  const { until, render, inputs } = await show();
  const first = await until(({ progress }) => progress?.step === 1);
  await render('/job?other');
  await until(({ events }) => events.length === 1 && events !== first.events);
  expect(inputs).toHaveLength(2);
});

it('the hook warns of callbacks that reject, and goes on', async () => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const { until, go } = await show({
    onEvent: () => Promise.reject(new Error('of an event')) as never,
    onStateChange: () => Promise.reject(new Error('of a state')) as never,
  });
  await until(({ progress }) => progress?.step === 1);
  go[0]!();
  await until(({ status }) => status === 'completed');
  const warnings = new Set(warn.mock.calls.map(([warning]) => warning));
  warn.mockRestore();
  expect(warnings).toEqual(new Set(['Error: of a state', 'Error: of an event']));
});

it('the hook that is rendered on a server is idle', () => {
  const View = (): string => useTask('/job').status;
  expect(renderToString(createElement(View))).toBe('idle');
});

it('the hook shows why a stream is over', async () => {
  const { until, render } = await show();
  await render('/job?resume_key=AAAAAAAAAAAAAAAAAAAAAA');
  const { error } = await until(({ status }) => status === 'closed');
  expect(error).toMatchObject({ code: 'TASK_NOT_FOUND', status: 404 });
});
