import { randomUUID } from 'node:crypto';
import { WebInstance } from '../support/redis/redis-instances.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { range, SteppedJob } from '../support/jobs/stepped-job.js';

const EVENTS = 200;
const READERS = 40;
/** Each event takes about half a kilobyte, so a copy of the whole log takes three times as much. */
const COPIES_BYTES = 32_768;

describeWithRedis('an instance that has no memory for a whole log', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  it(`gives each of ${READERS} readers everything after its position from Redis, without a gap`, async () => {
    const stepped = new SteppedJob();
    const prefix = `${randomUUID()}:`;
    const one = await WebInstance.open(redis.url, { prefix, job: stepped.job });
    const limits = { maxBufferedBytes: COPIES_BYTES, maxBytesPerTask: COPIES_BYTES };
    const small = await WebInstance.open(redis.url, { prefix, ...limits });
    try {
      const starter = await one.follow().until(({ frames }) => frames.length > 0);
      const { updateProgress } = await stepped.started();
      const text = 'x'.repeat(500);
      for (let n = 1; n <= EVENTS; n++) await updateProgress({ n, text });
      const positions = Array.from({ length: READERS }, (_, n) => n * Math.floor(EVENTS / READERS));
      const readers = positions.map((position) => small.resume(starter.resumeKey, position));
      await Promise.all(readers.map((reader) => reader.untilSeq(EVENTS)));
      stepped.end();
      await Promise.all([starter, ...readers].map((reader) => reader.untilEnded()));
      expect(small.manager.getStatistics().bufferedBytes).toBeLessThanOrEqual(COPIES_BYTES);
      for (const [index, { seqs, last, events }] of readers.entries()) {
        expect(events.filter(({ event }) => event === 'gap')).toEqual([]);
        expect(seqs).toEqual(range(positions[index]! + 1, EVENTS + 1));
        expect(last).toMatchObject({ event: 'complete' });
      }
    } finally {
      await Promise.all([one.close(), small.close()]);
    }
  });
});
