/** Reads the idempotency key of a start, and takes it, so that a repeated start finds the task of the first one. */
import type { Engine } from '../core/engine/engine.js';
import { TaskError } from '../core/errors.js';
import { OneByOne } from '../core/one-by-one.js';
import type { Started } from '../core/run/start-request.js';
import { scopedName } from '../core/task/scoped-name.js';
import { queryOf, readSingleParam, type AnyRequest } from './read-request.js';

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Identifies a start among others. */
export interface Idempotency {
  readonly key: string;
  readonly readFingerprint: () => Promise<string>;
}

/** Reads the `Idempotency-Key` header, or `?idempotency_key=` for EventSource. @throws TaskError `INVALID_INPUT` */
export function readIdempotencyKey(req: AnyRequest): string | undefined {
  const key = req.headers['idempotency-key'] ?? readSingleParam(queryOf(req), 'idempotency_key', 'INVALID_INPUT');
  if (key === undefined || key === '') return undefined;
  return checkIdempotencyKey(key);
}

/** @throws TaskError `INVALID_INPUT` */
export function checkIdempotencyKey(key: unknown): string {
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw new TaskError('INVALID_INPUT', 'An idempotency key is 1 to 255 visible ASCII characters');
}

/**
 * The idempotency keys of one manager. The store has the last word on a key, together with the task; before that, equal
 * starts on this instance wait for each other, so that only one input is read.
 */
export class IdempotencyKeys {
  /** Unfinished starts by owner and key. */
  readonly #starting = new OneByOne();

  constructor(readonly engine: Pick<Engine, 'findRepeated'>) {}

  /**
   * Finds the task that the key already belongs to, or starts one by `create`.
   * @throws TaskError `KEY_REUSED` where the key belongs to a start with another payload
   */
  async take(
    { key, readFingerprint }: Idempotency,
    owner: string | undefined,
    create: (names: { readonly idempotencyKey: string; readonly fingerprint: string }) => Promise<Started>,
  ): Promise<Started> {
    const fingerprint = await readFingerprint();
    return this.#starting.run(scopedName(owner, key), async () => {
      const repeated = await this.engine.findRepeated(key, owner, fingerprint);
      return repeated === undefined
        ? create({ idempotencyKey: key, fingerprint })
        : { record: repeated, created: false };
    });
  }
}
