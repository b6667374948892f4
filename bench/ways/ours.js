// This package: a task per connection, or, with an idempotency key, one task for all of them; and the hub.
import { createHub, createTaskManager } from '../../dist/esm/index.js';

const PLENTY = 1_000_000;

export const ours = () => tasks({});

/** The same log, framed for the AI SDK's client. */
export const uiMessageStream = () => tasks({ wire: 'ui-message-stream' });

function tasks(options) {
  const manager = createTaskManager({ maxSubscribersPerTask: PLENTY, maxRunningTasks: PLENTY });
  const sources = [];
  const job = ({ updateProgress }) =>
    new Promise(() => {
      sources.push((data) => void updateProgress(data));
    });
  return { sources, handle: manager.handler(job, options), broadcast: (data) => sources[0](data) };
}

export function hub() {
  const hub = createHub({ maxClients: PLENTY, maxAbsentClients: PLENTY });
  const sources = [];
  return {
    hub,
    sources,
    handle(req, res) {
      const { id } = hub.connect(req, res);
      sources.push((data) => hub.send(id, { data }));
    },
    broadcast: (data) => void hub.broadcast({ data }),
  };
}
