import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';

/** Source text by path inside `lib/`: `core/event-log.ts`. */
export type FileMap = ReadonlyMap<string, string>;

interface Room {
  /** What it may import: a room, a file of a room (`sse/frame`), or a file at the root. */
  readonly imports: readonly string[];
  /** Packages it may import; `node:*` stands for all of Node but its network. */
  readonly packages: readonly string[];
}

const DRIVEN = [
  'core',
  'sse',
  'wires',
  'http',
  'express',
  'hub',
  'distributed',
  'redis',
  'sqlite',
  'nats',
  'client',
  'react',
];
const NETWORK = ['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dgram'];

/** The arrows. A folder of `lib/` or a file at its root that is not listed here does not belong there. */
export const ROOMS: Readonly<Record<string, Room>> = {
  core: { imports: [], packages: ['lru-cache', 'uuid', 'node:*'] },
  wires: { imports: ['core', 'sse'], packages: ['node:*'] },
  sse: { imports: ['core'], packages: ['node:http', 'node:http2', 'node:*'] },
  http: { imports: ['core', 'sse', 'wires'], packages: ['express', 'node:http', 'node:http2', 'node:*'] },
  hub: { imports: ['core', 'sse', 'http'], packages: ['uuid', 'node:http', 'node:http2', 'node:*'] },
  express: {
    imports: ['core', 'sse', 'wires', 'http', 'hub'],
    packages: ['express', 'node:http', 'node:http2', 'node:*'],
  },
  distributed: { imports: ['core'], packages: ['node:*'] },
  redis: { imports: ['core', 'distributed'], packages: ['node:*'] },
  tables: { imports: ['core', 'distributed'], packages: ['node:*'] },
  sqlite: { imports: ['core', 'distributed', 'tables'], packages: ['node:*'] },
  'key-value': { imports: ['core', 'distributed', 'tables'], packages: ['node:*'] },
  nats: { imports: ['core'], packages: ['@nats-io/*', 'node:*'] },
  client: { imports: ['core/task/task-types', 'sse/frame', 'sse/event-id', 'sse/event-parser'], packages: [] },
  testing: {
    imports: ['core', 'sse', 'wires', 'distributed'],
    packages: ['uuid', 'node:net', 'node:*'],
  },
  store: { imports: ['core', 'distributed', 'tables', 'key-value'], packages: [] },
  react: { imports: ['client'], packages: ['react'] },
  'manager-options': { imports: ['core', 'sse', 'wires'], packages: ['node:http'] },
  'manager-types': { imports: [...DRIVEN, 'manager-options'], packages: ['node:http', 'node:http2'] },
  'create-task-manager': {
    imports: [...DRIVEN, 'manager-options', 'manager-types'],
    packages: ['node:http', 'node:http2', 'node:*'],
  },
  'create-hub': { imports: DRIVEN, packages: ['node:http', 'node:http2'] },
  'default-manager': {
    imports: [...DRIVEN, 'manager-options', 'manager-types', 'create-task-manager'],
    packages: ['node:http', 'node:http2', 'node:*'],
  },
  index: {
    imports: [...DRIVEN, 'manager-options', 'manager-types', 'create-task-manager', 'create-hub', 'default-manager'],
    packages: [],
  },
};

/** The folders of core and what each may import, beside its own files and those that stand in no folder. */
const CORE_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  task: [],
  log: [],
  store: ['task', 'log'],
  run: ['task'],
  engine: ['task', 'log', 'store', 'run'],
};

const MAX_LINES = 250;
const MAX_FILES = 15;

const withoutExtension = (path: string): string => path.replace(/\.tsx?$/, '');
const roomOf = (path: string): string => withoutExtension(path).split('/', 1)[0] ?? '';

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** The file of `lib/` that it names; undefined for a package. */
  readonly to: string | undefined;
}

/** Every import: types, re-exports, `import('…')` in types and in code. */
function importsOf(from: string, text: string): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName: specifier }) => {
    if (!specifier.startsWith('.')) return { from, specifier, to: undefined };
    return { from, specifier, to: posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts') };
  });
}

const allImports = (files: FileMap): Import[] => [...files].flatMap(([path, text]) => importsOf(path, text));

export function findUnknownRooms(files: FileMap): string[] {
  return [...files.keys()].filter((path) => !(roomOf(path) in ROOMS)).map((path) => `${path} is in no room`);
}

/** Relative imports that name no file: a wrong path, or one without `.js`, which Node needs. */
export function findUnresolvedImports(files: FileMap): string[] {
  const missing = allImports(files).filter(({ to, specifier }) => {
    return to !== undefined && !(specifier.endsWith('.js') && (files.has(to) || files.has(`${to}x`)));
  });
  return missing.map(({ from, specifier }) => `${from} imports ${specifier}, which is no file`);
}

export function findWrongArrows(files: FileMap): string[] {
  const wrong = allImports(files).filter(({ from, to }) => {
    if (to === undefined || roomOf(from) === roomOf(to)) return false;
    const allowed = ROOMS[roomOf(from)]?.imports ?? [];
    return !allowed.includes(roomOf(to)) && !allowed.includes(withoutExtension(to));
  });
  return wrong.map(({ from, to }) => `${from} imports ${String(to)}`);
}

const coreFolderOf = (path: string): string | undefined => /^core\/([^/]+)\//.exec(path)?.[1];

/** Imports between the folders of core that run upwards. */
export function findWrongArrowsInCore(files: FileMap): string[] {
  const wrong = allImports(files).filter(({ from, to = '' }) => {
    const [above, below] = [coreFolderOf(from), coreFolderOf(to)];
    if (above === undefined || below === undefined || above === below) return false;
    return CORE_FOLDERS[above]?.includes(below) !== true;
  });
  return wrong.map(({ from, to }) => `${from} imports ${String(to)}`);
}

const canonical = (specifier: string): string =>
  isBuiltin(specifier) && !specifier.startsWith('node:') ? `node:${specifier}` : specifier;

function matches(pattern: string, specifier: string): boolean {
  if (pattern === 'node:*') return specifier.startsWith('node:') && !NETWORK.includes(specifier);
  return pattern.endsWith('*') ? specifier.startsWith(pattern.slice(0, -1)) : specifier === pattern;
}

export function findForeignPackages(files: FileMap): string[] {
  const foreign = allImports(files).filter(({ from, specifier, to }) => {
    const allowed = ROOMS[roomOf(from)]?.packages ?? [];
    return to === undefined && !allowed.some((pattern) => matches(pattern, canonical(specifier)));
  });
  return foreign.map(({ from, specifier }) => `${from} imports the package ${specifier}`);
}

/** What the browser loads, files of other rooms included, may import nothing from Node. */
export function findNodeInBrowser(files: FileMap): string[] {
  const reached = new Set([...files.keys()].filter((path) => ['client', 'react'].includes(roomOf(path))));
  const found: string[] = [];
  for (const path of reached) {
    for (const { specifier, to } of importsOf(path, files.get(path) ?? '')) {
      if (to !== undefined) reached.add(to);
      else if (isBuiltin(specifier)) found.push(`${path} imports ${specifier} and is part of the client`);
    }
  }
  return found;
}

/** Each cycle once, as the path around it. */
export function findCycles(files: FileMap): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];

  function visit(file: string): void {
    const seenAt = path.indexOf(file);
    if (seenAt !== -1) cycles.push([...path.slice(seenAt), file].join(' -> '));
    if (seenAt !== -1 || done.has(file)) return;
    path.push(file);
    for (const { to } of importsOf(file, files.get(file) ?? '')) if (to !== undefined) visit(to);
    path.pop();
    done.add(file);
  }

  for (const file of files.keys()) visit(file);
  return cycles;
}

export function findLongFiles(files: FileMap): string[] {
  const lengths = [...files].map(([path, text]) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }));
  return lengths.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path} has ${lines} lines`);
}

/** Files that do not open with a comment on what they are for. */
export const findUnexplainedFiles = (files: FileMap): string[] =>
  [...files].filter(([, text]) => !text.startsWith('/**')).map(([path]) => `${path} does not say what it is for`);

/** A folder with more files is a list, and no room in which one finds one's way. */
export function findFullFolders(files: FileMap): string[] {
  const sizes = new Map<string, number>();
  for (const path of files.keys()) sizes.set(posix.dirname(path), (sizes.get(posix.dirname(path)) ?? 0) + 1);
  const full = [...sizes].filter(([, size]) => size > MAX_FILES);
  return full.map(([folder, size]) => `${folder} has ${size} files`);
}

const VAGUE = /(^|\/)(utils?|helpers?|common|misc)(\/|\.)/;
const KEBAB = '[a-z0-9]+(-[a-z0-9]+)*';
const IN_LIB = new RegExp(`^(${KEBAB}/)*${KEBAB}\\.tsx?$`);
const BESIDE_LIB = new RegExp(`^(${KEBAB}/)*${KEBAB}(\\.(test|property|vitest|config|d))*\\.([jt]sx?|mjs)$`);

const findNames = (files: FileMap, allowed: RegExp): string[] =>
  [...files.keys()]
    .filter((path) => VAGUE.test(path) || !allowed.test(path))
    .map((path) => `${path} is not named after the one thing inside`);

export const findVagueNames = (files: FileMap): string[] => findNames(files, IN_LIB);

/** The same for tests, examples and scripts, which may be JavaScript and say what kind of file they are. */
export const findVagueNamesBesideLib = (files: FileMap): string[] => findNames(files, BESIDE_LIB);

const SWITCHED_OFF = /@ts-(?:ignore|expect-error|nocheck)|eslint-disable/g;
const STATEFUL = 'default-manager.ts';

/** `any`, switched-off checks, default exports, the console, and mutable state at module level. */
export function findForbiddenCode(files: FileMap): string[] {
  return [...files].flatMap(([path, text]) => {
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const found = [...text.matchAll(SWITCHED_OFF)].map(([comment]) => comment);
    if (path !== STATEFUL && source.statements.some(isMutableState)) found.push('let at module level');
    const visit = (node: ts.Node): void => {
      const name = forbiddenName(node);
      if (name !== undefined) found.push(name);
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found.map((what) => `${path} has ${what}`);
  });
}

function isMutableState(statement: ts.Statement): boolean {
  return ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Const) === 0;
}

function forbiddenName(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any';
  if (node.kind === ts.SyntaxKind.DefaultKeyword && ts.isModifier(node)) return 'a default export';
  if (ts.isExportAssignment(node)) return 'a default export';
  if (ts.isExportSpecifier(node) && node.name.text === 'default') return 'a default export';
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console') return 'console';
  return undefined;
}
