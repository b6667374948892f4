/** Recognises the client of an application, and refuses one that the store cannot use. */
import { TaskError } from '../../core/errors.js';
import type { RedisPort } from './client-port.js';
import { IoredisPort, type IoredisLike } from './ioredis-port.js';
import { NodeRedisPort, type NodeRedisLike } from './node-redis-port.js';

/**
 * Recognises the client that an application hands over by what it has, and refuses by name what the store cannot use.
 * @throws TaskError `INVALID_OPTION`
 */
export function openPort(client: IoredisLike | NodeRedisLike): RedisPort {
  const given = ((client as unknown) ?? {}) as Partial<Record<string, unknown>>;
  const has = (...names: string[]): boolean => names.every((name) => typeof given[name] === 'function');
  if (has('execute', 'sendCommand') && typeof given['clientsInUse'] === 'number') {
    throw refused('other than a pool: the store sends everything over one connection');
  }
  if (has('sendCommand') && typeof given['isOpen'] === 'boolean') {
    const isSentinel = has('getSentinelNode');
    if (isSentinel && has('_execute')) return new NodeRedisPort(client as NodeRedisLike, 'sentinel');
    if (has('duplicate', 'nodeClient')) return new NodeRedisPort(client as NodeRedisLike, 'cluster');
    if (has('duplicate')) return new NodeRedisPort(client as NodeRedisLike, isSentinel ? 'sentinel' : 'single');
  }
  if (has('call', 'pipeline', 'duplicate') && typeof given['status'] === 'string') {
    const { keyPrefix, scaleReads = 'master' } = (given['options'] ?? {}) as {
      keyPrefix?: string;
      scaleReads?: string;
    };
    if (keyPrefix) throw refused('without a keyPrefix: give the store its own prefix');
    if (scaleReads !== 'master') throw refused("with scaleReads 'master': replicas lag behind");
    return new IoredisPort(client as IoredisLike);
  }
  throw refused(`of ioredis or node-redis, got ${showKind(client)}`);
}

/** Shows no value, because a URL holds a password. */
const showKind = (client: unknown): string => (typeof client === 'string' ? 'a text' : typeof client);

const refused = (what: string): TaskError => new TaskError('INVALID_OPTION', `Expected client to be a client ${what}`);
