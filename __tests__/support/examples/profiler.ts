import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What the demo's profiler says of one column. */
export interface Column {
  name: string;
  type: string;
  filled: number;
  empty: number;
  distinct: number;
  distinct_exact: boolean;
  min?: number | string;
  max?: number | string;
  mean?: number;
  longest?: { length: number; value: string; line: number };
  top: { value: string; count: number; at_most: number }[];
  others?: { count: number; line: number; value: string };
}

/** What it says of a file. */
export interface Profile {
  encoding: string;
  encoding_by: string;
  delimiter: string | null;
  quote: string;
  gzip: boolean;
  line_ends: string[];
  header: boolean;
  columns: number;
  skipped_lines: number;
  rows: number;
  bad: [line: number, reason: string][];
  profile: Column[];
  refused?: string;
  peak_bytes: number;
}

export interface Profiler {
  /** The folder for files; it is removed with the profiler. */
  readonly folder: string;
  readonly profile: (content: Buffer | string, charset?: string) => Promise<Profile>;
  readonly profileFile: (path: string, charset?: string) => Promise<Profile>;
  readonly stop: () => void;
}

/** Starts the process that profiles files, with a small young generation, as the demo's server has it. */
export function startProfiler(): Profiler {
  const folder = mkdtempSync(join(tmpdir(), 'resumable-sse-csv-'));
  const script = join(__dirname, 'profile-process.js');
  const child: ChildProcess = spawn(process.execPath, ['--max-semi-space-size=2', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const profileFile = async (path: string, charset?: string): Promise<Profile> => {
    child.stdin!.write(`${JSON.stringify({ path, charset })}\n`);
    const { value, done } = await answers.next();
    if (done === true) throw new Error('the profiler ended');
    return JSON.parse(value) as Profile;
  };
  return {
    folder,
    profileFile,
    profile: (content, charset) => {
      const path = join(folder, 'file');
      writeFileSync(path, content);
      return profileFile(path, charset);
    },
    stop: () => {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The profiler of one test file: started before its tests, stopped after them. */
export function useProfiler(): { readonly profile: Profiler['profile'] } {
  let profiler: Profiler;
  beforeAll(() => {
    profiler = startProfiler();
  });
  afterAll(() => profiler.stop());
  return { profile: (content, charset) => profiler.profile(content, charset) };
}

/** The text of a table, each row with a line end. */
export const tableText = (rows: readonly (readonly string[])[], delimiter = ',', eol = '\n'): string =>
  rows.map((row) => row.join(delimiter) + eol).join('');
