import { readFileSync } from 'node:fs';

/** The most bytes of one kind that the kernel buffers for a connection, in a file like `4096 131072 33554432`. */
function limit(name: string, otherwise: number): number {
  try {
    return Number(readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/).at(-1));
  } catch {
    return otherwise; // no Linux
  }
}

/** More bytes than both ends of a connection take when nobody reads: the kernel's, and some in each process. */
export const BEYOND_SOCKETS = limit('tcp_rmem', 32 * 2 ** 20) + limit('tcp_wmem', 4 * 2 ** 20) + 2 * 2 ** 20;
