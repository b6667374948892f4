/** The messages by which gateways tell each other about their clients. */
import { rangeOf } from '../nats-options.js';

/** The JSON messages that gateways publish. Client ids travel in payloads alone, never in subjects. */
export type PresenceMessage =
  /** One client came online (1) or went offline (0). */
  | { readonly kind: 'change'; readonly gateway: string; readonly version: number; readonly change: Change }
  /** The gateway is alive. Its clients count as offline when no further message arrives within `leaseMs`. */
  | { readonly kind: 'lease'; readonly gateway: string; readonly version: number; readonly leaseMs: number }
  /** The gateway stops, and all its clients are offline. */
  | { readonly kind: 'stopped'; readonly gateway: string }
  /** Answers a question with all changes after the version `from`. */
  | {
      readonly kind: 'since';
      readonly gateway: string;
      readonly version: number;
      readonly leaseMs: number;
      readonly from: number;
      readonly changes: readonly Change[];
    }
  /** Answers a question with one part of the list of all clients. */
  | {
      readonly kind: 'all';
      readonly gateway: string;
      readonly version: number;
      readonly leaseMs: number;
      /** The position of this message among those of the answer, from 0. */
      readonly part: number;
      readonly last: boolean;
      readonly ids: readonly string[];
    };

export type Change = readonly [online: 0 | 1, id: string];

/** Asks one gateway, or all of them, what has changed since `version`. */
export interface SyncRequest {
  readonly gateway?: string;
  readonly version?: number;
}

const [, , MAX_LEASE_MS] = rangeOf('leaseMs');

/** Parses a message. Returns undefined for anything that no gateway sends. */
export function parsePresenceMessage(text: string): PresenceMessage | undefined {
  const message = parseObject(text);
  const { kind, gateway, version, leaseMs } = message;
  if (!isToken(gateway)) return undefined;
  if (kind === 'stopped') return { kind, gateway };
  if (!isCount(version)) return undefined;
  if (kind === 'change')
    return isChange(message['change']) ? { kind, gateway, version, change: message['change'] } : undefined;
  if (!isCount(leaseMs) || leaseMs > MAX_LEASE_MS) return undefined;
  if (kind === 'lease') return { kind, gateway, version, leaseMs };
  const { from, changes, part, last, ids } = message;
  if (kind === 'since' && isCount(from) && isListOf(isChange, changes))
    return { kind, gateway, version, leaseMs, from, changes };
  if (kind === 'all' && isCount(part) && isListOf(isId, ids))
    return { kind, gateway, version, leaseMs, part, last: last === true, ids };
  return undefined;
}

export function parseSyncRequest(text: string): SyncRequest {
  const { gateway, version } = parseObject(text);
  return { ...(isToken(gateway) && { gateway }), ...(isCount(version) && { version }) };
}

/** Parses a JSON object. Returns an empty one for anything else. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const isToken = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{22}$/.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isId = (value: unknown): value is string => typeof value === 'string';
const isChange = (value: unknown): value is Change =>
  Array.isArray(value) && value.length === 2 && (value[0] === 0 || value[0] === 1) && isId(value[1]);
const isListOf = <T>(is: (value: unknown) => value is T, list: unknown): list is T[] =>
  Array.isArray(list) && list.every(is);
