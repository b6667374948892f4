/** Tests that the wire of a task is kept with it, and reaches the encoder. */
import { expect } from '../expect.js';
import type { StoreSettings } from '../../core/ports.js';
import { eventually, recordOf, started } from './steps.js';
import type { StoreSuite } from './opened-store.js';

/** One line per event that says everything the encoder was told. */
const encodeAll: StoreSettings['encode'] = ({ taskId, resumeKey, attempt, wire, slot, progress }, seq, event, json) =>
  `${JSON.stringify({ taskId, resumeKey, attempt, wire, slot, last: event === 'complete' ? progress : '', seq, event, json })}\n`;

/** Tests that a store keeps the wire of a task, and what its encoder learns. */
export function describeStoreWires({ describe, it, open }: StoreSuite): void {
  describe('the wire of a task', () => {
    it('is kept with the task, and so is its slot, for every instance', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store, { wire: 'plain', slot: 'chat 7 ü' });
      const told = { wire: 'plain', slot: 'chat 7 ü' };
      expect(writer.record).toMatchObject(told);
      expect(await recordOf(store, { taskId })).toMatchObject(told);
      expect(await recordOf(peer, { taskId })).toMatchObject(told);
      expect((await peer.open(taskId))!.record).toMatchObject(told);
    });

    it('reaches the encoder with everything else that a frame may depend on, on every instance', async () => {
      const { store, peer } = await open({ encode: encodeAll });
      const { draft, taskId, writer } = await started(store, { wire: 'plain', slot: 's' });
      const log = (await peer.open(taskId))!.log;
      await Promise.all([
        writer.append(undefined, '1'),
        writer.append('named', '2'),
        writer.append(undefined, '3'),
        writer.append('named', '4'),
        writer.finish('completed', '"end"'),
      ]);
      const follower = { wake: () => undefined };
      log.follow(follower);
      await eventually(() => log.ended);
      log.unfollow(follower);
      const { resumeKey } = draft;
      const known = { taskId, resumeKey, attempt: 1, wire: 'plain', slot: 's' };
      const expected = [
        { ...known, last: '', seq: 1, json: '1' },
        { ...known, last: '', seq: 2, event: 'named', json: '2' },
        { ...known, last: '', seq: 3, json: '3' },
        { ...known, last: '', seq: 4, event: 'named', json: '4' },
        { ...known, last: '3', seq: 5, event: 'complete', json: '"end"' },
      ];
      for (const each of [log, (await store.open(taskId))!.log]) {
        const text = each.readAfter(0)!.bytes.toString();
        expect(
          text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown),
        ).toEqual(expected);
      }
    });

    it('is the default one where a draft names none', async () => {
      const { store, peer } = await open();
      const { taskId } = await started(store);
      const { wire, slot } = await recordOf(peer, { taskId });
      expect({ wire, slot }).toEqual({ wire: undefined, slot: undefined });
    });
  });
}
