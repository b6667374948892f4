// Where finished messages are kept: in memory here, in your database in earnest. A stream is not kept in it: what is
// being written lives in the task’s log, and becomes a message when it is done.

/** Messages by user and chat. */
export function createChats() {
  const chats = new Map();
  const keyOf = (user, id) => JSON.stringify([user, id]);
  return {
    read: (user, id) => chats.get(keyOf(user, id)) ?? [],
    save: (user, id, messages) => void chats.set(keyOf(user, id), messages),
  };
}
