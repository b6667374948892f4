import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { describeModel } from './describe-model.js';
import { inRedis } from './home.js';

describeWithRedis('a real server', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  describeModel('a task manager over Redis does what its model says', (clock) => inRedis(redis.url, clock), {
    each: 10,
    stopped: 10,
  });
});
