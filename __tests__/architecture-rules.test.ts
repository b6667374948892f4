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

/** Each rule of the architecture test is shown files that break it, so that none of them passes because it sees nothing. */

const fileMap = (files: Record<string, string>): FileMap => new Map(Object.entries(files));

describe('the checks on lib/ notice', () => {
  it('a folder and a root file that the list of rooms does not name', () => {
    const files = fileMap({ 'core/task.ts': '', 'index.ts': '', 'shared/task.ts': '', 'task.ts': '' });
    expect(findUnknownRooms(files)).toEqual(['shared/task.ts is in no room', 'task.ts is in no room']);
  });

  it('an import of a file that is missing, and one without .js', () => {
    const files = fileMap({
      'core/a.ts': `import './b';\nimport './c.js';\nimport './d.js';`,
      'core/b.ts': '',
      'core/d.ts': '',
    });
    expect(findUnresolvedImports(files)).toEqual([
      'core/a.ts imports ./b, which is no file',
      'core/a.ts imports ./c.js, which is no file',
    ]);
  });

  it.each([
    ['core', 'sse', `import { a } from '../sse/a.js';`],
    ['core', 'sse', `import type { a } from '../sse/a.js';`],
    ['core', 'sse', `export { a } from '../sse/a.js';`],
    ['core', 'sse', `export type * from '../sse/a.js';`],
    ['core', 'sse', `type A = import('../sse/a.js').A;`],
    ['core', 'sse', `const a = await import('../sse/a.js');`],
    ['sse', 'express', `import '../express/a.js';`],
    ['http', 'hub', `import '../hub/a.js';`],
    ['hub', 'express', `import '../express/a.js';`],
    ['redis', 'sse', `import '../sse/a.js';`],
    ['nats', 'redis', `import '../redis/a.js';`],
    ['client', 'sse', `import '../sse/a.js';`],
    ['client', 'core', `import '../core/a.js';`],
  ])('an arrow from %s to %s: %s', (from, to, text) => {
    const files = fileMap({ [`${from}/b.ts`]: text, [`${to}/a.ts`]: '' });
    expect(findWrongArrows(files)).toEqual([`${from}/b.ts imports ${to}/a.ts`]);
  });

  it('an arrow from a room to a file at the root', () => {
    const files = fileMap({
      'express/handler.ts': `import '../create-task-manager.js';`,
      'create-task-manager.ts': '',
    });
    expect(findWrongArrows(files)).toEqual(['express/handler.ts imports create-task-manager.ts']);
  });

  it('nothing wrong with the arrows of the design', () => {
    const files = fileMap({
      'core/a.ts': '',
      'sse/frame.ts': `import '../core/a.js';`,
      'express/a.ts': `import '../core/a.js';\nimport '../sse/frame.js';`,
      'hub/a.ts': `import '../core/a.js';\nimport '../sse/frame.js';`,
      'redis/a.ts': `import '../core/a.js';`,
      'nats/a.ts': `import '../core/a.js';`,
      'client/a.ts': `import '../sse/frame.js';`,
      'create-task-manager.ts': `import './redis/a.js';\nimport './hub/a.js';`,
      'default-manager.ts': `import './create-task-manager.js';`,
      'index.ts': `export * from './default-manager.js';\nexport * from './express/a.js';`,
    });
    expect([findWrongArrows, findCycles, findUnresolvedImports].flatMap((find) => find(files))).toEqual([]);
  });

  it.each(['express', 'node:http', 'http', 'node:net', 'ioredis', 'redis', '@nats-io/transport-node'])(
    '%s in core',
    (name) => {
      const files = fileMap({ 'core/a.ts': `import type { A } from '${name}';` });
      expect(findForeignPackages(files)).toEqual([`core/a.ts imports the package ${name}`]);
    },
  );

  it('a driver in the room that takes it through a port', () => {
    const files = fileMap({ 'redis/a.ts': `import type { Redis } from 'ioredis';`, 'sse/a.ts': `import 'express';` });
    expect(findForeignPackages(files)).toEqual([
      'redis/a.ts imports the package ioredis',
      'sse/a.ts imports the package express',
    ]);
  });

  it('nothing wrong with the packages that a room may know', () => {
    const files = fileMap({
      'core/a.ts': `import 'uuid';\nimport 'node:crypto';`,
      'sse/a.ts': `import type { ServerResponse } from 'node:http';`,
      'express/a.ts': `import { Router } from 'express';`,
      'nats/a.ts': `import '@nats-io/transport-node';`,
    });
    expect(findForeignPackages(files)).toEqual([]);
  });

  it('Node behind a file that the client imports', () => {
    const files = fileMap({
      'client/a.ts': `import '../sse/frame.js';`,
      'sse/frame.ts': `import './bytes.js';`,
      'sse/bytes.ts': `import { Buffer } from 'node:buffer';`,
      'sse/connection.ts': `import 'node:http';`,
    });
    expect(findNodeInBrowser(files)).toEqual(['sse/bytes.ts imports node:buffer and is part of the client']);
  });

  it('a cycle, one of types included, and a file that imports itself', () => {
    const files = fileMap({
      'core/a.ts': `import './b.js';`,
      'core/b.ts': `import type { C } from './c.js';`,
      'core/c.ts': `export type { A } from './a.js';`,
      'core/d.ts': `import './d.js';\nimport './a.js';`,
    });
    expect(findCycles(files)).toEqual(['core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts', 'core/d.ts -> core/d.ts']);
  });

  it('no cycle where two ways lead to one file', () => {
    const files = fileMap({
      'core/a.ts': `import './b.js';\nimport './c.js';`,
      'core/b.ts': `import './c.js';`,
      'core/c.ts': '',
    });
    expect(findCycles(files)).toEqual([]);
  });

  it('a file of 251 lines, and not one of 250', () => {
    const files = fileMap({ 'core/long.ts': '\n'.repeat(251), 'core/full.ts': '\n'.repeat(250) });
    expect(findLongFiles(files)).toEqual(['core/long.ts has 251 lines']);
  });

  it('a file that does not say what it is for, and not one that does', () => {
    const files = fileMap({ 'core/a.ts': `import './b.js';`, 'core/b.ts': '/** Names the states of a task. */' });
    expect(findUnexplainedFiles(files)).toEqual(['core/a.ts does not say what it is for']);
  });

  it('an import that runs upwards in core, and not one that runs downwards', () => {
    const files = fileMap({
      'core/run/run.ts': `import '../task/status.js'; import '../engine/engine.js'; import '../errors.js';`,
      'core/new/a.ts': `import '../task/status.js';`,
    });
    expect(findWrongArrowsInCore(files)).toEqual([
      'core/run/run.ts imports core/engine/engine.ts',
      'core/new/a.ts imports core/task/status.ts',
    ]);
  });

  it('a folder of 16 files, and not one of 15', () => {
    const folder = (name: string, size: number): [string, string][] =>
      Array.from({ length: size }, (_, n) => [`${name}/file-${n}.ts`, '']);
    const files = new Map([...folder('sse', 15), ...folder('core/log', 16)]);
    expect(findFullFolders(files)).toEqual(['core/log has 16 files']);
  });

  it.each(['core/utils.ts', 'core/helpers.ts', 'core/helpers/clock.ts', 'core/EventLog.ts'])('the name %s', (path) => {
    expect(findVagueNames(fileMap({ [path]: '' }))).toEqual([`${path} is not named after the one thing inside`]);
  });

  it('a vague name of a test, and not the kind of file that it is', () => {
    const files = fileMap({ 'a/helpers.ts': '', 'a/utils.test.ts': '', 'log.test.ts': '', 'log.property.test.ts': '' });
    expect(findVagueNamesBesideLib(files)).toEqual([
      'a/helpers.ts is not named after the one thing inside',
      'a/utils.test.ts is not named after the one thing inside',
    ]);
  });

  it.each([
    ['any', 'const a = (b: any) => b;'],
    ['any', 'const a = <any>b;'],
    ['@ts-ignore', '// @ts-ignore\nconst a = 1;'],
    ['@ts-expect-error', '// @ts-expect-error\nconst a = 1;'],
    ['eslint-disable', '/* eslint-disable no-console */'],
    ['a default export', 'export default 1;'],
    ['a default export', 'export default class A {}'],
    ['a default export', 'const a = 1; export { a as default };'],
    ['console', 'function a() { console.log(1); }'],
    ['let at module level', 'let a = 1;'],
    ['let at module level', 'export var a = 1;'],
  ])('%s in: %s', (what, text) => {
    expect(findForbiddenCode(fileMap({ 'core/a.ts': text }))).toEqual([`core/a.ts has ${what}`]);
  });

  it('nothing wrong with let in a function, a default branch, a word in a string, or the state of the default manager', () => {
    const files = fileMap({
      'core/a.ts': `function a(b: string) { let c = 'any'; switch (b) { default: c = 'console.log'; } return c; }`,
      'default-manager.ts': 'let manager: object | undefined;',
    });
    expect(findForbiddenCode(files)).toEqual([]);
  });
});
