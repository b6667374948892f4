/** Names what belongs to one owner, such as a slot or an idempotency key, among those of all owners. */
export const scopedName = (owner: string | undefined, name: string): string => JSON.stringify([owner, name]);
