import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first of them on the PATH, or where Debian puts servers, which the PATH of a user leaves out. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
