/** Makes secrets and names that nobody guesses. */
import { v4 } from 'uuid';

/** Returns 22 random base64url characters, the 16 bytes of a v4 uuid. They are safe in URLs, headers and NATS subjects. */
export const randomKey = (): string => Buffer.from(v4({}, new Uint8Array(16))).toString('base64url');
