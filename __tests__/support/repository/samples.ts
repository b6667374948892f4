import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Express } from 'express';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import ts from 'typescript';
import * as library from '../../../lib/index.js';

const ROOT = join(__dirname, '..', '..', '..');

/** The entries of the package by the rooms that they stand for; the main entry is that of no room. */
export const ROOMS_WITH_AN_ENTRY = ['', 'client', 'react', 'redis', 'sqlite', 'store', 'nats', 'testing'] as const;
const indexOf = (room: string): string => join(ROOT, 'lib', room, 'index.ts');

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ['node'],
  paths: {
    'resumable-sse': [indexOf('')],
    'resumable-sse/*': [join(ROOT, 'lib', '*', 'index.ts')],
    // Installed under names of their own, one for each major that is tested.
    ioredis: [join(ROOT, 'node_modules', 'ioredis6')],
    redis: [join(ROOT, 'node_modules', 'redis6')],
    // Has the same interface, and types of its own.
    'better-sqlite3': [join(ROOT, 'node_modules', 'libsql')],
  },
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  esModuleInterop: true,
  allowJs: true,
  checkJs: true,
  skipLibCheck: true,
  noEmit: true,
};

/** The library and the given files, which exist in memory only, as the compiler sees them. */
export class SampleProgram {
  readonly #program: ts.Program;
  readonly #files: ReadonlyMap<string, string>;

  /** @param files code by file name, as `README.md-12.ts` */
  constructor(files: ReadonlyMap<string, string>) {
    this.#files = new Map([...files].map(([name, code]) => [join(ROOT, name), code]));
    const disk = ts.createCompilerHost(OPTIONS);
    const host: ts.CompilerHost = {
      ...disk,
      getSourceFile: (path, ...rest) => {
        const code = this.#files.get(path);
        if (code === undefined) return disk.getSourceFile(path, ...rest);
        return ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true);
      },
      fileExists: (path) => this.#files.has(path) || disk.fileExists(path),
      readFile: (path) => this.#files.get(path) ?? disk.readFile(path),
    };
    this.#program = ts.createProgram([...ROOMS_WITH_AN_ENTRY.map(indexOf), ...this.#files.keys()], OPTIONS, host);
  }

  /** What the compiler says against one of the files. */
  errorsIn(name: string): string[] {
    const file = this.#program.getSourceFile(join(ROOT, name));
    return ts.getPreEmitDiagnostics(this.#program, file).map(({ messageText, start = 0 }) => {
      const line = file?.text.slice(0, start).split('\n').length;
      return `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  }

  /** The symbols that the library exports from a room, or from its main entry. */
  #exportsOf(room: string): ts.Symbol[] {
    const checker = this.#program.getTypeChecker();
    return checker.getExportsOfModule(checker.getSymbolAtLocation(this.#program.getSourceFile(indexOf(room))!)!);
  }

  /** The names of everything that the library exports from a room, or from its main entry. */
  namesIn(room: string): string[] {
    return this.#exportsOf(room).map(({ name }) => name);
  }

  /** The members of an interface, or of a union of strings, that the library exports from a room or from its root. */
  membersOf(typeName: string, room = ''): string[] {
    const checker = this.#program.getTypeChecker();
    const exported = this.#exportsOf(room).find(({ name }) => name === typeName)!;
    const type = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(exported));
    if (!type.isUnion()) return type.getProperties().map(({ name }) => name);
    return type.types.map((member) => (member as ts.StringLiteralType).value);
  }
}

/** An application that listens on a port of its own. */
export class Running {
  readonly url: string;

  constructor(readonly server: http.Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(app: Express): Promise<Running> {
    const server = http.createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Running(server);
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

type Run = (require: (name: string) => unknown, exports: object) => void;

/** Runs a sample that makes an Express application; it listens where we say, not where it says. */
export function runSample(code: string): Promise<Running> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
  });
  return new Promise((resolve, reject) => {
    const createApp = (): Express => {
      const app = express();
      app.listen = (() => Running.start(app).then(resolve, reject)) as never;
      return app;
    };
    const timers = { setTimeout: async () => undefined }; // the work of a sample takes no time here
    const modules: Record<string, unknown> = {
      express: createApp,
      'node:timers/promises': timers,
      'resumable-sse': library,
    };
    // Not by node:vm, where promises would be those of another realm.
    const run = Reflect.construct(Function, ['require', 'exports', outputText]) as Run;
    run((name) => modules[name], {});
  });
}

/** The events of a whole stream. */
export function parseStream(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  createParser({ onEvent: (event) => events.push(event) }).feed(text);
  return events;
}
