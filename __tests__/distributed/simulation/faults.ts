/** What may go wrong in a world. */
export interface Faults {
  /** Processes are killed, and others started. */
  readonly kills: boolean;
  /** Processes stand still for up to three leases. */
  readonly stalls: boolean;
  /** Processes stop gracefully, and others are started: a rolling deploy. */
  readonly deploys: boolean;
  /** Calls are lost, late, done twice or refused. */
  readonly weather: boolean;
  /** Indexes of the store are lost. */
  readonly lostIndexes: boolean;
  /** The store falls back to an earlier state, or comes back empty. */
  readonly lostData: boolean;
}
