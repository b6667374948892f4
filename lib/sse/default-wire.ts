/** Frames a log for `EventSource` and the clients of this library: the wire of tasks that name no other. */
import { TERMINAL_EVENT } from '../core/task/status.js';
import { encodeFrame } from './frame.js';
import type { Wire } from './wire.js';

/** Frames events as `docs/PROTOCOL.md` describes: control events have names, and the id comes last. */
export const DEFAULT_WIRE: Wire = Object.freeze<Wire>({
  name: 'default',
  prelude(id, { taskId, resumeKey, status, resumed, position }) {
    const task = { task_id: taskId, resume_key: resumeKey, status, resumed, position };
    return encodeFrame('task', JSON.stringify(task), id);
  },
  event: (id, { name, json }) => encodeFrame(name, json, id),
  end: (id, { status, json }) => encodeFrame(TERMINAL_EVENT[status], json, id),
  gap: (id, { from, to, reason }) => encodeFrame('gap', JSON.stringify({ from, to, reason }), id),
  snapshot: ({ json, seq }, idAt) => encodeFrame('snapshot', json, idAt(seq)),
});
