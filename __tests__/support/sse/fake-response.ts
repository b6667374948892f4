import { EventEmitter } from 'node:events';
import type { StreamResponse } from '../../../lib/sse/connection.js';

/** A response whose socket is as full as a test says, and that tolerates no write after its end. */
export class FakeResponse extends EventEmitter {
  readonly writes: string[] = [];
  /** What each `write` of the future answers false to. */
  full = false;
  ended = false;
  destroyed = false;
  flushes = 0;

  constructor(readonly compressing = false) {
    super();
    if (compressing) Object.assign(this, { flush: () => this.flushes++ });
  }

  get writableEnded(): boolean {
    return this.ended;
  }

  /** Everything that was written. */
  get text(): string {
    return this.writes.join('');
  }

  write(frames: string | Buffer): boolean {
    this.writes.push(frames.toString()); // first, so that a test sees it whoever catches the error
    if (this.ended || this.destroyed) throw new Error(`Written after the end: ${frames.toString()}`);
    return !this.full;
  }

  end(): void {
    if (this.ended) throw new Error('Ended twice');
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  drain(): void {
    this.full = false;
    this.emit('drain');
  }

  close(): void {
    this.emit('close');
  }

  as(): StreamResponse {
    return this as unknown as StreamResponse;
  }
}
