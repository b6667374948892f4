import { MessageBatch } from '../../../lib/nats/streams/messages/message-batch.js';

describe('MessageBatch', () => {
  const unpack = (body: Uint8Array): string[] => {
    const texts: string[] = [];
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + bytes.readUInt32BE(at);
      texts.push(bytes.toString('utf8', at + 4, end));
      at = end;
    }
    return texts;
  };
  const record = (): { batch: MessageBatch; sent: string[][] } => {
    const sent: string[][] = [];
    const batch = new MessageBatch((body, count) => {
      const texts = unpack(body);
      expect(texts).toHaveLength(count);
      sent.push(texts);
    });
    return { batch, sent };
  };
  const add = (batch: MessageBatch, text: string, maxBytes = 100_000): void => {
    batch.add(text, Buffer.byteLength(text), maxBytes);
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('sends everything that one turn of the event loop adds together', async () => {
    const { batch, sent } = record();
    for (const text of ['one', '', 'zwölf ☃', 'x'.repeat(500)]) add(batch, text);
    batch.add(Buffer.from('bytes'), 5, 100_000);
    expect(sent).toEqual([]);
    await turn();
    add(batch, 'later');
    await turn();
    expect(sent).toEqual([['one', '', 'zwölf ☃', 'x'.repeat(500), 'bytes'], ['later']]);
  });

  it('sends a full batch at once, and never more than a frame may carry', () => {
    const { batch, sent } = record();
    for (let n = 0; n < 40; n++) add(batch, 'x'.repeat(1_000));
    expect(sent.map(({ length }) => length)).toEqual([33]);
    batch.flush();
    batch.flush();
    expect(sent.map(({ length }) => length)).toEqual([33, 7]);
    for (let n = 0; n < 3; n++) add(batch, 'x'.repeat(46), 100);
    expect(sent.map(({ length }) => length)).toEqual([33, 7, 2]);
  });

  it('sends a large message alone, in its place', () => {
    const { batch, sent } = record();
    for (const text of ['a', 'x'.repeat(9_000), 'b']) add(batch, text);
    batch.flush();
    expect(sent).toEqual([['a'], ['x'.repeat(9_000)], ['b']]);
  });

  it('forgets the messages that it is told to drop', async () => {
    const { batch, sent } = record();
    add(batch, 'a');
    batch.clear();
    await turn();
    expect(sent).toEqual([]);
  });
});
