const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Tells whether a header can be sent (RFC 9110, section 5). Node throws at one that cannot, and takes the answer with it. */
export const isSendable = (name: string, value: unknown): boolean =>
  NAME.test(name) && typeof value === 'string' && VALUE.test(value);
