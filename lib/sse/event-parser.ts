/** Takes a text apart into server-sent events, as the HTML standard (section 9.2.6) says. Pure, and small: pages load it. */

/** One event, as its lines describe it. */
export interface ParsedEvent {
  /** The name; undefined where none was given, or an empty one. */
  readonly event: string | undefined;
  readonly data: string;
  /** The id; undefined where the event carries none, which leaves the last id unchanged. */
  readonly id: string | undefined;
}

/**
 * Takes pieces of text that may be cut anywhere. Returns how many characters it holds back because their event is not
 * complete.
 */
export type EventParser = (text: string) => number;

const FIELD = /^([^:]*):? ?([^]*)/;

/**
 * Creates a parser for one response.
 * @param onEvent gets every event that has data, as soon as its empty line is there
 * @param onRetry gets the time of every valid `retry` field, in ms
 */
export function createEventParser(onEvent: (event: ParsedEvent) => void, onRetry: (ms: number) => void): EventParser {
  /** The beginning of a line that has no end yet. A CR at its end may be half of a CRLF. */
  let rest = '';
  let event = '';
  let data = '';
  let id: string | undefined;

  const readLine = (line: string): void => {
    // [spec] "If the line is empty (a blank line): Dispatch the event"; without data there is none.
    if (line === '') {
      if (data) onEvent({ event: event || undefined, data: data.slice(0, -1), id });
      event = data = '';
      id = undefined;
      return;
    }
    // [spec] "If value starts with a U+0020 SPACE character, remove it"; a line without a colon is a name without a value.
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === 'data') data += `${value}\n`;
    else if (name === 'event') event = value;
    else if (name === 'id')
      id = value.includes('\0') ? id : value; // [spec] "If the field value does not contain U+0000 NULL"
    else if (name === 'retry' && /^\d+$/.test(value)) onRetry(Number(value));
  };

  return (text) => {
    rest += text;
    // Until a line ends, pieces are only joined, because looking at all of them again for each one would be quadratic.
    if (/[\r\n]/.test(text)) {
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) readLine(line);
    }
    return rest.length + data.length;
  };
}
