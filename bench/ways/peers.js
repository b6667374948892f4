// The libraries that stand beside ours.
import { spawnSync } from 'node:child_process';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis) console.error('resumable-stream is left out: there is no redis-server');

/** It feeds its readers through Redis. */
export const RESUMABLE_STREAM = hasRedis ? ['resumable-stream'] : [];
/** All that can do it. */
export const PEERS = ['better-sse', 'express-sse', ...RESUMABLE_STREAM];
