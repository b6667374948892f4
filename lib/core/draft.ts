/** What a store is asked to create for a start. */
import { v4, v7 } from 'uuid';
import { keptFor } from './kept-input.js';
import type { TaskDraft } from './ports.js';
import type { StartRequest } from './requests.js';

/** @param maxInputBytes how large an input is kept for whoever runs the task again; undefined: nobody will */
export function draftOf(request: StartRequest, maxInputBytes: number | undefined): TaskDraft {
  const { owner, idempotencyKey, fingerprint, wire, slot } = request;
  return {
    taskId: v7(),
    resumeKey: Buffer.from(v4({}, new Uint8Array(16))).toString('base64url'),
    ...{ owner, idempotencyKey, fingerprint, wire, slot },
    ...(maxInputBytes !== undefined && keptFor(request, maxInputBytes)),
  };
}
