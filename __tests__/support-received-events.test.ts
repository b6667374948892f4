import { findFault, type ReceivedEvent } from './support/sse/received-events.js';

/** The check that the other suites rest on has to be able to fail. */

describe('findFault, which checks that a client got every event once', () => {
  const event = (name: string, seq: number, data = ''): ReceivedEvent => ({
    event: name,
    data,
    id: `k.${seq}`,
  });
  const progress = (...numbers: number[]): ReceivedEvent[] => numbers.map((n) => event('message', n, `{"n":${n}}`));
  const complete = (seq: number): ReceivedEvent => event('complete', seq, '{}');

  it.each([
    ['progress and one terminal event', [...progress(1, 2, 3), complete(4)]],
    ['task frames in between', [event('task', 0), ...progress(1), event('task', 1), ...progress(2, 3), complete(4)]],
    ['any terminal event', [...progress(1, 2, 3), event('failed', 4)]],
  ])('accepts %s', (_what, events) => expect(findFault(events, 3)).toBeUndefined());

  it.each([
    ['1 is missing: after 0 came 2', [...progress(2, 3), complete(4)]],
    ['2 to 3 are missing: after 1 came 4', [...progress(1, 4), complete(5)]],
    ['2 came twice', [...progress(1, 2, 2, 3), complete(4)]],
    ['1 came again or late, after 2', [...progress(1, 2, 1, 3), complete(4)]],
    ['3 is missing: the terminal event came after 2', [...progress(1, 2), complete(4)]],
    ['4 is more than was sent, 3', [...progress(1, 2, 3, 4), complete(5)]],
    ['no terminal event; the last number was 3 of 3', progress(1, 2, 3)],
    ['after the terminal event complete came another', [...progress(1, 2, 3), complete(4), complete(5)]],
    ['after the terminal event complete came another', [...progress(1, 2, 3), complete(4), event('task', 4)]],
    ['a gap was reported: {"from":1}', [event('gap', 1, '{"from":1}'), ...progress(2, 3), complete(4)]],
    ['no number n or step in "x"', [event('message', 1, '"x"')]],
    [
      'its id does not move on from 2',
      [...progress(1, 2), { ...event('message', 2), data: '{"step":3}' }, complete(4)],
    ],
    ['an id that is no position', [{ event: 'message', data: '{"n":1}', id: '' }]],
  ])('reports: %s', (fault, events) => expect(findFault(events, 3)).toContain(fault));
});
