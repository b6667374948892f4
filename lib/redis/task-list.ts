import type { TaskFilter, TaskRecord } from '../core/ports.js';
import type { Context } from './context.js';

/** So many tasks are looked at together. */
const PAGE = 100;

/** Newest first. What the list still names although it is gone is taken off on the way. */
export async function listTasks(
  { keys, commands }: Context,
  { status, owner, limit, before }: TaskFilter,
  read: (taskId: string) => Promise<TaskRecord | { readonly status: 'expired' } | undefined>,
): Promise<readonly TaskRecord[]> {
  const list = keys.list(owner);
  const found: TaskRecord[] = [];
  const gone: string[] = [];
  let page: string[];
  let from = 0;
  do {
    page = (await commands.send(list, 'ZREVRANGE', list, String(from), String(from + PAGE - 1))) as string[];
    const records = await Promise.all(page.map(read));
    records.forEach((record, index) => {
      if (record === undefined || record.status === 'expired') gone.push(page[index] as string);
      else if (before !== undefined && record.taskId >= before) return;
      else if (status === undefined || record.status === status) found.push(record);
    });
    from += PAGE;
  } while (page.length === PAGE && found.length < limit);
  if (gone.length > 0) await commands.send(list, 'ZREM', list, ...gone);
  return found.slice(0, limit);
}
