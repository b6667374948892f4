/** Answers queries by a walk through all tasks, where a table has no index for them. */
import type { KeptTask, TaskQuery, TaskTable } from './task-table.js';
import { isKept } from './task-table.js';

const PAGE = 200;

export async function selectByWalk(table: TaskTable, query: TaskQuery, limit: number): Promise<KeptTask[]> {
  const found: KeptTask[] = [];
  let after = 'after' in query ? query.after : '';
  for (let page: readonly KeptTask[] | undefined; page === undefined || page.length === PAGE;) {
    page = await table.walk(after, PAGE);
    found.push(...page.filter((task) => isMeant(query, task)));
    after = page.at(-1)?.taskId ?? after;
    if ('keeper' in query && found.length >= limit) break;
  }
  if ('orphans' in query) found.sort((a, b) => (a.orphan?.sinceMs ?? 0) - (b.orphan?.sinceMs ?? 0));
  if ('dueBy' in query) found.sort((a, b) => (a.expires ?? 0) - (b.expires ?? 0));
  if ('list' in query) found.reverse();
  return found.slice(0, limit);
}

function isMeant(query: TaskQuery, task: KeptTask): boolean {
  if ('keeper' in query) return task.keeper === query.keeper;
  if ('dueBy' in query) return task.expires !== undefined && task.expires <= query.dueBy;
  if ('list' in query) {
    const { of, status, before } = query.list;
    return (
      isKept(task, query.now) &&
      (of === undefined || task.owner === of.owner) &&
      (status === undefined || task.status === status) &&
      (before === undefined || task.taskId < before)
    );
  }
  const { orphans, now } = query;
  const { orphan, handler = '' } = task;
  if (orphan === undefined) return false;
  if ('olderThanMs' in orphans) return now - orphan.sinceMs >= orphans.olderThanMs;
  return orphan.dueMs <= now && orphans.handlers.includes(handler);
}
