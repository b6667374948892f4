/** Knows which headers HTTP allows. */

/** [spec] RFC 9110, 5.6.2: a token, as which every header is named. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Tells whether a header can have this name. */
export const isHeaderName = (name: string): boolean => TOKEN.test(name);

/** Tells whether a header can be sent (RFC 9110, section 5). Node throws at one that cannot, and takes the answer with it. */
export const isSendable = (name: string, value: unknown): boolean =>
  isHeaderName(name) && typeof value === 'string' && VALUE.test(value);
