// better-sse: a session per connection, and a channel for what all of them get.
import { createChannel, createSession } from 'better-sse';
import { KEY } from './key.js';

export function betterSse() {
  const channel = createChannel();
  const sources = [];
  let seq = 0;
  return {
    sources,
    async handle(req, res) {
      const session = await createSession(req, res);
      channel.register(session);
      let own = 0;
      sources.push((data) => void session.push(data, 'message', `${KEY}.${++own}`));
    },
    broadcast: (data) => void channel.broadcast(data, 'message', { eventId: `${KEY}.${++seq}` }),
  };
}
