// express-sse: an emitter that every connection listens to; where each gets events of its own, one for each.
import SSE from 'express-sse';
import { KEY } from './key.js';

// By default every new connection makes it write to all.
const create = () => new SSE(undefined, { isSerialized: false });

export function expressSse({ each }) {
  const all = create();
  const sources = [];
  let seq = 0;
  return {
    sources,
    handle(req, res) {
      const one = each ? create() : all;
      one.init(req, res);
      res.flushHeaders();
      let own = 0;
      sources.push((data) => one.send(data, undefined, `${KEY}.${++own}`));
    },
    broadcast: (data) => all.send(data, undefined, `${KEY}.${++seq}`),
  };
}
