/**
 * One frame whose id stands before its data: TanStack AI's parser gives an id to the data line that follows it. Like
 * every frame it is void unless its empty line arrives, so a strict parser loses nothing at a cut.
 */
export function encodeIdFirst(id: string, event: string | undefined, data: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `id: ${id}\n${name}data: ${data}\n\n`;
}

/** A frame that no client dispatches: it moves the position and says nothing. */
export const encodePosition = (id: string): string => `: position\nid: ${id}\n\n`;

/**
 * Marks the last frame of a stream in whose protocol the last frame could come in the middle too, by a comment that
 * `resumableFetch` looks for: so it need not ask whether there is more.
 */
export const markEnd = (frame: string): string => `: end\n${frame}`;
