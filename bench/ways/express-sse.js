// express-sse: an emitter that every connection listens to; where each gets events of its own, one for each.
import SSE from 'express-sse';
import { KEY } from './key.js';

export function expressSse({ each }) {
  const all = new SSE();
  const sources = [];
  let seq = 0;
  return {
    sources,
    handle(req, res) {
      const one = each ? new SSE() : all;
      one.init(req, res);
      let own = 0;
      sources.push((data) => one.send(data, undefined, `${KEY}.${++own}`));
    },
    broadcast: (data) => all.send(data, undefined, `${KEY}.${++seq}`),
  };
}
