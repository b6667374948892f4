/**
 * The deepest nesting of a value. Node versions differ in what they write and read, so the library sets a limit of its
 * own.
 */
export const MAX_DEPTH = 1_000;

/**
 * Tells whether the JSON text is nested more deeply than `MAX_DEPTH`. Nearly every text has few brackets, which makes
 * the answer cheap.
 */
export function isTooDeep(json: string): boolean {
  return json.length > 2 * MAX_DEPTH && countOpenings(json) > MAX_DEPTH && depthOf(json) > MAX_DEPTH;
}

/** Counts brackets that open something, up to one more than is of interest; those inside of strings count too. */
function countOpenings(json: string): number {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = json.indexOf(bracket); at !== -1 && count <= MAX_DEPTH; at = json.indexOf(bracket, at + 1)) count++;
  }
  return count;
}

/** A pattern for a whole string would take a step of the stack per character, and fail at a long one. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '\\') at++;
    else if (character === '"') isText = !isText;
    else if (isText) continue;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return deepest;
}
