/** A fenced block, and what the HTML comment right before it says of it. */
export interface CodeBlock {
  readonly language: string;
  readonly marker: string | undefined;
  readonly code: string;
  /** Of its first line in the file, from 1. */
  readonly line: number;
}

const FENCED = /(?:<!-- (.*) -->\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm;

export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(FENCED)].map(({ 0: whole, 1: marker, 2: language = '', 3: code = '', index }) => {
    const before = text.slice(0, index + whole.indexOf('```'));
    return { language, marker, code, line: before.split('\n').length + 1 };
  });
}

const withoutCode = (text: string): string => text.replace(FENCED, '');

/** Where the links and images of a file lead to, as written. */
export function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchors that headings get. */
export function anchorsOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

/** The cells of the first table below `heading`, without its head. */
export function tableBelow(text: string, heading: string): string[][] {
  const [, below = ''] = text.split(`\n${heading}\n`);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(below) ?? [];
  const rows = table.trimEnd().split('\n').slice(2);
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** What a cell says in code font, or as it is. */
export const plain = (cell = ''): string => cell.replace(/^`(.*)`$/, '$1');
