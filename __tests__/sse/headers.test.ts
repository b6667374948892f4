import { streamHeaders } from '../../lib/sse/headers.js';

describe('streamHeaders', () => {
  it.each(['1.0', '1.1', '2.0'])(
    'are those of a stream that nothing on the way holds back or keeps (HTTP/%s)',
    (version) => {
      expect(streamHeaders(version, 'the-task', 'the-key')).toEqual({
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache, no-transform',
        'X-Accel-Buffering': 'no',
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'no-referrer',
        'X-Task-ID': 'the-task',
        'X-Resume-Key': 'the-key',
        ...(version === '1.1' ? { Connection: 'keep-alive' } : {}),
      });
    },
  );

  it('are new for each response', () => {
    streamHeaders('1.1', 'a', 'b')['Content-Type'] = 'text/plain';
    expect(streamHeaders('1.1', 'a', 'b')['Content-Type']).toBe('text/event-stream');
  });
});
