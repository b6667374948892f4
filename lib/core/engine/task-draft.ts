/** Makes the draft of a task, which a start asks the store to create. */
import { v7 } from 'uuid';
import type { ResolvedOptions } from './engine-options.js';
import { keptFor } from './kept-input.js';
import type { TaskDraft } from '../ports.js';
import { randomKey } from '../task/random-key.js';
import type { StartRequest } from '../run/start-request.js';

/** Returns the draft of one start. It contains the input only where the task may be run again. */
export function draftOf(
  request: StartRequest,
  { onLost, maxInputBytes }: Pick<ResolvedOptions, 'onLost' | 'maxInputBytes'>,
): TaskDraft {
  const { owner, idempotencyKey, fingerprint, wire, slot } = request;
  return {
    taskId: v7(),
    resumeKey: randomKey(),
    owner,
    idempotencyKey,
    fingerprint,
    wire,
    slot,
    ...(onLost === 'restart' && keptFor(request, maxInputBytes)),
  };
}
