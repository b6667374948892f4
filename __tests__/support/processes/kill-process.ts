import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Kills a process that may never have been started, or may have ended, and waits until it is gone. */
export async function killProcess(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode !== null || child.signalCode !== null) return; // none, or it has ended
  child.kill('SIGKILL');
  await once(child, 'exit');
}
