/** Describes gaps, which tell a subscriber of events that it will not get. `Subscription` finds them, a wire frames them. */

/**
 * Says what a client has missed: events that were `trimmed` before they could be sent, or that the store has `lost`, or
 * none, because the client's position was `ahead` of the log.
 */
export type GapReason = 'trimmed' | 'ahead' | 'lost';

/** Events that the subscriber will not get: `from` to `to`, both included. It continues at `position`. */
export interface Gap<Reason extends string = GapReason> {
  readonly kind: 'gap';
  readonly from: number;
  readonly to: number;
  readonly reason: Reason;
  readonly position: number;
}

/** Tells a reader at `position` that the next event it gets is `next`. */
export const gapBefore = (next: number, position: number, reason: GapReason): Gap => ({
  kind: 'gap',
  from: position + 1,
  to: next - 1,
  reason,
  position: next - 1,
});

/** Tells a reader that has the events up to `had` to forget those after `position`, where it continues. */
export const gapAfter = (position: number, had: number, reason: GapReason): Gap => ({
  kind: 'gap',
  from: position + 1,
  to: had,
  reason,
  position,
});
