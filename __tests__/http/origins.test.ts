import { createOriginList } from '../../lib/http/origins.js';

describe('a list of origins', () => {
  it.each([
    ['https://app.example', 'https://app.example', true],
    ['https://app.example', 'https://app.example:8443', false],
    ['capacitor://localhost', 'capacitor://localhost', true],
    ['chrome-extension://abcdefgh', 'chrome-extension://abcdefgh', true],
    ['https://*.app.example', 'https://one.app.example', true],
    ['https://*.app.example', 'https://app.example', false],
    ['https://*.app.example', 'https://two.one.app.example', false],
    ['https://*.app.example', 'http://one.app.example', false],
    ['https://*.app.example', 'https://evil.example/.app.example', false],
    ['https://*.app.example:8443', 'https://one.app.example:8443', true],
  ])('with %s has %s: %s', (listed, origin, has) => {
    expect(createOriginList([listed])(origin)).toBe(has);
  });

  it.each([
    '*',
    'null',
    'https://*',
    'https://*.com',
    'https://a.*.example',
    'https://*.*.example.com',
    'https://app.example/',
    'https://APP.example',
    'https://app.example:443',
    'capacitor://localhost/',
    'app.example',
    5,
  ])('that could never match %s is refused', (origin) => {
    expect(() => createOriginList([origin as string])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
