/**
 * Encodes one frame whose id stands before its data, because TanStack AI's parser gives an id to the data line that
 * follows it. Like every frame it is void unless its empty line arrives, so a strict parser loses nothing at a cut.
 */
export function encodeIdFirst(id: string, event: string | undefined, data: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `id: ${id}\n${name}data: ${data}\n\n`;
}

/** Returns a frame that no client dispatches: it only moves the position. */
export const encodePosition = (id: string): string => `: position\nid: ${id}\n\n`;

/**
 * Marks the last frame of a stream with a comment, for protocols in which that frame could also stand in the middle.
 * `resumableFetch` looks for the comment and need not ask whether more follows.
 */
export const markEnd = (frame: string): string => `: end\n${frame}`;
