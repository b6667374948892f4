import type { Clock } from '../../../lib/core/clock.js';
import type { OrphanQuery } from '../../../lib/distributed/port/calls.js';
import type { Beat, InstanceState } from '../../../lib/distributed/port/stored.js';
import { emptyState, indexTask, runningOf } from './map-state.js';

/** The part of the driver port on maps that is about instances: who gives signs of life, and who holds which tasks. */
export class MapIndexes {
  state = emptyState();

  constructor(readonly clock: Clock) {}

  beat(beat: Beat): InstanceState[] {
    const { beats } = this.state;
    beats.set(beat.instance, { ...beat, count: (beats.get(beat.instance)?.count ?? 0) + 1 });
    return [...beats.values()];
  }

  removeInstance(instance: string, count: number | undefined): void {
    const { beats } = this.state;
    if (count === undefined || beats.get(instance)?.count === count) beats.delete(instance);
  }

  held(instance: string, after: string | undefined, limit: number): string[] {
    const taskIds = [...(this.state.running.get(instance) ?? [])].sort();
    return taskIds.filter((taskId) => after === undefined || taskId > after).slice(0, limit);
  }

  divide(from: string, to: string, limit: number): string[] {
    const moved = this.held(from, undefined, limit);
    for (const taskId of moved) {
      this.state.running.get(from)?.delete(taskId);
      runningOf(this.state, to).add(taskId);
    }
    return moved;
  }

  reindex(instance: string, taskIds: readonly string[]): void {
    for (const taskId of taskIds) {
      const task = this.state.tasks.get(taskId);
      if (task?.holder !== instance || task.status !== 'running') this.state.running.get(instance)?.delete(taskId);
      if (task !== undefined) indexTask(this.state, task, this.clock.now());
    }
  }

  isDue(taskId: string): boolean {
    const { due = Infinity } = this.state.orphans.get(taskId) ?? {};
    return due <= this.clock.now();
  }

  orphans(query: OrphanQuery, limit: number): string[] {
    const now = this.clock.now();
    const found = [...this.state.orphans].filter(([, { handler, since, due }]) => {
      if ('olderThanMs' in query) return now - since >= query.olderThanMs;
      return due <= now && handler !== undefined && query.handlers.includes(handler);
    });
    return found
      .sort(([, a], [, b]) => a.since - b.since)
      .slice(0, limit)
      .map(([taskId]) => taskId);
  }
}
