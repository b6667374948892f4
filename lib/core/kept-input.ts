/** The input of a task as it is kept with it, for an instance that runs it again. */
import type { TaskDraft } from './ports.js';
import type { RunRequest } from './requests.js';

/** Returns what has to be stored for a task to be run again; nothing where JSON cannot say its input, or not in so few bytes. */
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
