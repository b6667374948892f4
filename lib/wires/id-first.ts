/**
 * One frame whose id stands before its data: TanStack AI's parser gives an id to the data line that follows it. Like
 * every frame it is void unless its empty line arrives, so a strict parser loses nothing at a cut.
 */
export function encodeIdFirst(id: string, event: string | undefined, data: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `id: ${id}\n${name}data: ${data}\n\n`;
}

/** A frame that no client dispatches: it moves the position and says nothing. */
export const encodePosition = (id: string): string => `: end\nid: ${id}\n\n`;
