/** What a store is asked to create for a start. */
import { v4, v7 } from 'uuid';
import type { ResolvedOptions } from './engine-options.js';
import { keptFor } from './kept-input.js';
import type { TaskDraft } from './ports.js';
import type { StartRequest } from './requests.js';

/** The draft of one start; its input is part of it where the task may be run again. */
export function draftOf(
  request: StartRequest,
  { onLost, maxInputBytes }: Pick<ResolvedOptions, 'onLost' | 'maxInputBytes'>,
): TaskDraft {
  const { owner, idempotencyKey, fingerprint, wire, slot } = request;
  return {
    taskId: v7(),
    resumeKey: Buffer.from(v4({}, new Uint8Array(16))).toString('base64url'),
    ...{ owner, idempotencyKey, fingerprint, wire, slot },
    ...(onLost === 'restart' && keptFor(request, maxInputBytes)),
  };
}
