// The line between the server and one tab, which the tab may have cut. No application needs that; it is here so that
// one sees streams come back.
import { TaskError } from 'resumable-sse';
import { readWhole } from './query.js';

/** A tab names itself with this header, on every request that its line carries. */
const TAB_HEADER = 'X-Demo-Tab';
const LONGEST_OUTAGE_MS = 60_000;

export function createLines() {
  /** What each tab has open, and until when its line is down. */
  const lines = new Map();

  const lineOf = (tab) => {
    const line = lines.get(tab) ?? { open: new Set(), downUntilMs: 0 };
    lines.set(tab, line);
    return line;
  };
  const forgetUnused = (tab, { open, downUntilMs }) => {
    if (open.size === 0 && downUntilMs <= performance.now()) lines.delete(tab);
  };

  return {
    /** Before all routes: while the line is down, a request finds nobody. */
    carry(req, res, next) {
      const tab = req.get(TAB_HEADER);
      if (tab === undefined) {
        next();
        return;
      }
      const line = lineOf(tab);
      if (performance.now() < line.downUntilMs) {
        req.socket.destroy();
        return;
      }
      line.open.add(res);
      res.once('close', () => {
        line.open.delete(res);
        forgetUnused(tab, line);
      });
      next();
    },

    /** `POST /line/<tab>/cut?down_ms=10000`: ends what is open at once, and stays down for so long. */
    cut(req, res) {
      const { tab } = req.params;
      if (!/^[\w-]{1,64}$/.test(tab)) throw new TaskError('INVALID_INPUT', 'That is not the name of a tab');
      const downMs = readWhole(req, 'down_ms', { least: 0, most: LONGEST_OUTAGE_MS, otherwise: 0 });
      const line = lineOf(tab);
      const cut = [...line.open];
      for (const { socket } of cut) socket?.destroy();
      line.downUntilMs = performance.now() + downMs;
      setTimeout(() => forgetUnused(tab, line), downMs + 1).unref();
      res.json({ cut: cut.length });
    },
  };
}
