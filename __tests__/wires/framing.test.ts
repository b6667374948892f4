import type { WireEnd } from '../../lib/sse/wire.js';
import { AG_UI } from '../../lib/wires/ag-ui.js';
import { PLAIN } from '../../lib/wires/plain.js';
import { UI_MESSAGE_STREAM } from '../../lib/wires/ui-message-stream.js';

const TASK = { taskId: 't-1', slot: undefined };
const COMPLETED = { status: 'completed', json: '{"task_id":"t-1","status":"completed","result":{"n":1}}' } as const;
const FAILED = {
  status: 'failed',
  json: '{"task_id":"t-1","status":"failed","error":{"code":"TASK_FAILED","message":"The task failed"}}',
} as const;
const CANCELLED = {
  status: 'cancelled',
  json: '{"task_id":"t-1","status":"cancelled","code":"TASK_CANCELLED","reason":"The client cancelled it"}',
} as const;
const end = (how: Pick<WireEnd, 'status' | 'json'>, seq = 9, progress?: string): WireEnd => ({ ...how, seq, progress });
const progress = (json: string, seq = 2): { seq: number; name: undefined; json: string } => ({
  ...{ seq, json },
  name: undefined,
});

describe('a UI message stream', () => {
  const { event, end: finish, gap } = UI_MESSAGE_STREAM;

  it('sends each chunk as it is, the id last', () => {
    expect(event('k.2', progress('{"type":"text-end","id":"0"}'), TASK)).toBe(
      'data: {"type":"text-end","id":"0"}\nid: k.2\n\n',
    );
  });

  it('begins with a start chunk where the job sends none', () => {
    expect(event('k.1', progress('{"type":"text-start","id":"0"}', 1), TASK)).toBe(
      'data: {"type":"start"}\n\ndata: {"type":"text-start","id":"0"}\nid: k.1\n\n',
    );
    const start = '{"type":"start","messageId":"m"}';
    expect(event('k.1', progress(start, 1), TASK)).toBe(`data: ${start}\nid: k.1\n\n`);
    expect(event('k.1', progress('{"type":"start"}', 1), TASK)).toBe('data: {"type":"start"}\nid: k.1\n\n');
    expect(event('k.1', progress('{"type":"start-step"}', 1), TASK)).toContain('data: {"type":"start"}\n\n');
  });

  it('makes an event of emit a transient data part', () => {
    expect(event('k.2', { seq: 2, name: 'note', json: '[1]' }, TASK)).toBe(
      'data: {"type":"data-note","data":[1],"transient":true}\nid: k.2\n\n',
    );
  });

  it('ends with [DONE], after an error with the public text where the job failed, and after abort where it was cancelled', () => {
    expect(finish('k.9', end(COMPLETED), TASK)).toBe('data: [DONE]\nid: k.9\n\n');
    expect(finish('k.9', end(FAILED), TASK)).toBe(
      'data: {"type":"error","errorText":"The task failed"}\n\ndata: [DONE]\nid: k.9\n\n',
    );
    expect(finish('k.9', end(CANCELLED), TASK)).toBe('data: {"type":"abort"}\n\ndata: [DONE]\nid: k.9\n\n');
  });

  it('sends an error for a gap, since it has no chunk for one', () => {
    expect(gap('k.7', { from: 3, to: 7, reason: 'trimmed' })).toBe(
      'data: {"type":"error","errorText":"A part of the answer is no longer kept"}\nid: k.7\n\n',
    );
  });
});

describe('an AG-UI stream', () => {
  const { event, end: finish } = AG_UI;

  it('begins with RUN_STARTED where the job sends none, for the task or for its own run', () => {
    const text = '{"type":"TEXT_MESSAGE_START","messageId":"m"}';
    expect(event('k.1', progress(text, 1), TASK)).toBe(
      `data: {"type":"RUN_STARTED","threadId":"t-1","runId":"t-1"}\n\nid: k.1\ndata: ${text}\n\n`,
    );
    expect(event('k.1', progress(text, 1), { ...TASK, slot: 'chat' })).toContain('"threadId":"chat","runId":"t-1"');
    const own = '{"threadId":"a","type":"RUN_STARTED","runId":"b"}';
    expect(event('k.1', progress(own, 1), TASK)).toBe(`id: k.1\ndata: ${own}\n\n`);
    expect(finish('k.1', end(COMPLETED, 1), TASK)).toMatch(
      /^data: \{"type":"RUN_STARTED".*\n\n: end\nid: k\.1\ndata: \{"type":"RUN_FINISHED"/,
    );
  });

  it('makes an event of emit a custom one', () => {
    expect(event('k.2', { seq: 2, name: 'note', json: '[1]' }, TASK)).toBe(
      'id: k.2\ndata: {"type":"CUSTOM","name":"note","value":[1]}\n\n',
    );
  });

  it.each([
    ['a result', COMPLETED, '{"type":"RUN_FINISHED","threadId":"t-1","runId":"t-1","result":{"n":1}}'],
    ['a failure', FAILED, '{"type":"RUN_ERROR","code":"TASK_FAILED","message":"The task failed"}'],
    ['a cancel', CANCELLED, '{"type":"RUN_ERROR","code":"TASK_CANCELLED","message":"The client cancelled it"}'],
  ])('ends %s with one event', (_what, how, expected) => {
    expect(finish('k.9', end(how, 9, '{"type":"TEXT_MESSAGE_END"}'), TASK)).toBe(
      `: end\nid: k.9\ndata: ${expected}\n\n`,
    );
  });

  it('sends nothing more after an end of the job’s own, unless the task fails after that', () => {
    const finished = '{"type":"RUN_FINISHED","threadId":"a","runId":"b"}';
    expect(finish('k.9', end(COMPLETED, 9, finished), TASK)).toBe(': end\n: position\nid: k.9\n\n');
    expect(finish('k.9', end(FAILED, 9, finished), TASK)).toContain('RUN_ERROR');
    expect(finish('k.9', end(FAILED, 9, '{"type":"RUN_ERROR","message":"x"}'), TASK)).toBe(
      ': end\n: position\nid: k.9\n\n',
    );
  });
});

describe('a plain stream', () => {
  const { event, end: finish, gap } = PLAIN;

  it('sends each progress value as data, the id first', () => {
    expect(event('k.2', progress('{"choices":[]}'), TASK)).toBe('id: k.2\ndata: {"choices":[]}\n\n');
    expect(event('k.2', { seq: 2, name: 'note', json: '1' }, TASK)).toBe('id: k.2\nevent: note\ndata: 1\n\n');
  });

  it('sends [DONE] after a result only', () => {
    expect(finish('k.9', end(COMPLETED), TASK)).toBe('id: k.9\ndata: [DONE]\n\n');
    const error = (code: string, message: string): string =>
      `: end\nid: k.9\ndata: ${JSON.stringify({ type: 'RUN_ERROR', code, message, error: { code, message } })}\n\n`;
    expect(finish('k.9', end(FAILED), TASK)).toBe(error('TASK_FAILED', 'The task failed'));
    expect(finish('k.9', end(CANCELLED), TASK)).toBe(error('TASK_CANCELLED', 'The client cancelled it'));
  });

  it('sends a gap under an event name, so that it is not taken for a value', () => {
    expect(gap('k.7', { from: 3, to: 7, reason: 'trimmed' })).toBe(
      'id: k.7\nevent: gap\ndata: {"from":3,"to":7,"reason":"trimmed"}\n\n',
    );
  });
});
