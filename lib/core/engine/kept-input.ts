/** Keeps the input of a task as JSON, for an instance that runs the task again. */
import type { TaskDraft } from '../ports.js';
import type { RunRequest } from '../run/start-request.js';

/**
 * Returns the members of a draft that let the task be run again. Empty where its input cannot be written as JSON within
 * `maxBytes`.
 */
export function keptFor(
  { handler, input }: Pick<RunRequest, 'handler' | 'input'>,
  maxBytes: number,
): Pick<TaskDraft, 'handler' | 'input'> {
  if (handler === undefined || input === undefined) return { handler };
  try {
    const json = JSON.stringify(input) as string | undefined;
    return json !== undefined && Buffer.byteLength(json) <= maxBytes ? { handler, input: json } : {};
  } catch {
    return {};
  }
}

export const readInput = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json));
