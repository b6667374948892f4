/** Stands before the seq in the ids of those that have no key of their own: as long as one of ours. */
export const KEY = 'A'.repeat(22);
