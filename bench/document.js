// npm run bench:docs: what docs/performance.json holds, as the tables of docs/PERFORMANCE.md and as docs/growth.svg. With
// `--check` nothing is written, and it fails where they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { integer } from './harness/figures.js';
import { toSvg } from './harness/plot.js';
import { tabulate } from './harness/rows.js';

const PAGE = 'docs/PERFORMANCE.md';
const PLOT = 'docs/growth.svg';
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const { machine, rows } = JSON.parse(read('docs/performance.json'));

function toMarkdown(some) {
  const { header, lines } = tabulate(some);
  const used = header.map((title, column) => lines.some((line) => line[column] !== '') || title === '');
  const cells = (line) => `| ${line.filter((_, column) => used[column]).join(' | ')} |`;
  return [cells(header), cells(header.map(() => '---')), ...lines.map(cells)].join('\n');
}

/** `<!-- table: fan-out, replay -->` and what follows up to `<!-- end -->` */
const TABLE = /(<!-- table: (.*?) -->\n)[^]*?(<!-- end -->)/g;
const MACHINE = /(<!-- machine -->\n)[^]*?(<!-- end -->)/;

const about = `Node ${machine.node.slice(1)} on ${machine.cores} cores of ${machine.cpu}, ${integer(machine.memoryMiB / 1_024)} GiB of memory.`;
const page = read(PAGE)
  .replace(TABLE, (_, begin, names, end) => {
    const some = names.split(', ').flatMap((wanted) => rows.filter(({ name }) => name === wanted));
    return `${begin}\n${toMarkdown(some)}\n\n${end}`;
  })
  .replace(MACHINE, (_, begin, end) => `${begin}\n${about}\n\n${end}`);
const written = {
  [PAGE]: await format(page, { parser: 'markdown', ...JSON.parse(read('.prettierrc.json')) }),
  [PLOT]: toSvg(rows.flatMap(({ points }) => points ?? [])),
};
for (const [path, text] of Object.entries(written)) {
  if (!process.argv.includes('--check')) writeFileSync(new URL(`../${path}`, import.meta.url), text);
  else if (text !== read(path)) throw new Error(`${path} does not show what docs/performance.json holds`);
}
