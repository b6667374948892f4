import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import {
  type FileMap,
  findCycles,
  findForbiddenCode,
  findForeignPackages,
  findFullFolders,
  findLongFiles,
  findNodeInBrowser,
  findUnexplainedFiles,
  findUnknownRooms,
  findUnresolvedImports,
  findVagueNames,
  findVagueNamesBesideLib,
  findWrongArrows,
  findWrongArrowsInCore,
} from './support/repository/architecture.js';

const ROOT = join(__dirname, '..');

const CODE = /\.(?:[jt]sx?|mjs)$/;

/** The files below a folder of the repository by their paths from there, without what was installed or built. */
function readFiles(folder: string, names = /./): FileMap {
  const top = join(ROOT, folder);
  const files = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => relative(top, join(parentPath, name)).split(sep).join('/'));
  const written = paths.filter((path) => names.test(path) && !/(?:^|\/)(?:node_modules|dist)\//.test(path));
  return new Map(written.map((path) => [path, readFileSync(join(top, path), 'utf8')]));
}

describe('the files of lib/', () => {
  const lib = readFiles('lib');

  it('are found where the test looks for them', () => {
    expect([...lib.keys()]).toContain('index.ts');
  });

  it.each([
    ['stand in a known room', findUnknownRooms],
    ['import files that exist, with .js at the end', findUnresolvedImports],
    ['import other rooms along the arrows only', findWrongArrows],
    ['import other folders of core from above only', findWrongArrowsInCore],
    ['import only the packages that their room may know', findForeignPackages],
    ['bring nothing of Node into the browser', findNodeInBrowser],
    ['import each other without cycles, types included', findCycles],
    ['have at most 250 lines', findLongFiles],
    ['say in their first line what they are for', findUnexplainedFiles],
    ['are at most 15 to a folder', findFullFolders],
    ['are named after the one thing inside', findVagueNames],
    ['have no any, switched-off check, default export, console or state at module level', findForbiddenCode],
  ])('%s', (_rule, findViolations) => {
    expect(findViolations(lib)).toEqual([]);
  });
});

it('the files of __tests__/support are at most 15 to a folder', () => {
  const support = readFiles('__tests__/support', CODE);
  expect(support.size).toBeGreaterThan(50);
  expect(findFullFolders(support)).toEqual([]);
});

describe.each(['__tests__', 'bench', 'examples', 'scripts'])('the files of %s/', (folder) => {
  const files = readFiles(folder, CODE);

  it('are there', () => {
    expect(files.size).toBeGreaterThan(5);
  });

  it.each([
    ['have at most 250 lines', findLongFiles],
    ['are named after the one thing inside', findVagueNamesBesideLib],
  ])('%s', (_rule, findViolations) => {
    expect(findViolations(files)).toEqual([]);
  });
});
