import { streamHeaders } from '../../lib/sse/headers.js';

describe('streamHeaders', () => {
  it('keep proxies from buffering or caching the stream', () => {
    expect(streamHeaders('the-task', 'the-key')).toEqual({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store, no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'X-Task-ID': 'the-task',
      'X-Resume-Key': 'the-key',
    });
  });

  it('are new for each response', () => {
    streamHeaders('a', 'b')['Content-Type'] = 'text/plain';
    expect(streamHeaders('a', 'b')['Content-Type']).toBe('text/event-stream');
  });
});
