// Writes docs/API.md: every name that the package exports, with its members and the first sentence of its docstring.
// `--check` writes nothing, and fails where the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const ENTRIES = {
  '': 'resumable-sse',
  client: 'resumable-sse/client',
  react: 'resumable-sse/react',
  redis: 'resumable-sse/redis',
  sqlite: 'resumable-sse/sqlite',
  store: 'resumable-sse/store',
  nats: 'resumable-sse/nats',
  testing: 'resumable-sse/testing',
};
const root = fileURLToPath(new URL('..', import.meta.url));
const page = `${root}docs/API.md`;
const indexOf = (room) => `${root}lib/${room && `${room}/`}index.ts`;

const program = ts.createProgram(Object.keys(ENTRIES).map(indexOf), {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: ['node'],
  strict: true,
});
const checker = program.getTypeChecker();

/** The first sentence of a docstring, on one line, up to where it begins a list. */
function summaryOf(symbol) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ');
  const [sentence] = /^.*?(?:\.(?= [A-Z]|$)|:(?= [A-Z-]|$)|$)/.exec(text);
  return sentence.replace(/:$/, '.');
}

/** What stands in the sources of the library, and not in those of TypeScript or Node. */
const isOurs = ({ declarations = [] }) =>
  declarations.some((declaration) => declaration.getSourceFile().fileName.startsWith(`${root}lib/`));

const isPrivate = ({ declarations = [], name }) =>
  name.startsWith('__') || declarations.some((declaration) => ts.isPrivateIdentifier(declaration.name ?? declaration));

/** The members of an interface, a class or an object type, in the order of the source. */
function membersOf(symbol) {
  const { TypeAlias, Interface, Class } = ts.SymbolFlags;
  if ((symbol.flags & (TypeAlias | Interface | Class)) === 0) return [];
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  if (type.isUnion()) return [];
  if ((type.flags & ts.TypeFlags.Object) === 0) return [];
  return type
    .getProperties()
    .filter((member) => isOurs(member) && !isPrivate(member))
    .map(({ name }) => name);
}

function itemOf(exported) {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const members = membersOf(symbol).map((name) => `\`${name}\``);
  const listed = members.length > 0 ? [`Members: ${members.join(', ')}.`] : [];
  return `- **\`${exported.name}\`**: ${[summaryOf(symbol), ...listed].join(' ')}`;
}

function sectionOf([room, name]) {
  const index = checker.getSymbolAtLocation(program.getSourceFile(indexOf(room)));
  return [`## ${name}`, '', ...checker.getExportsOfModule(index).map(itemOf), ''].join('\n');
}

const text = `# All exports

This page is an index, made from the sources by \`npm run docs:index\`. The other pages explain how things are used;
\`npm run docs:api\` makes a reference with every signature.

${Object.entries(ENTRIES).map(sectionOf).join('\n')}`;
const formatted = await format(text, { ...(await resolveConfig(page)), parser: 'markdown' });

if (!process.argv.includes('--check')) writeFileSync(page, formatted);
else if (readFileSync(page, 'utf8') !== formatted) throw new Error('docs/API.md is out of date: npm run docs:index');
