/** What browsers and programs send with a GET, over plain http and over https. */

type Requests = readonly (readonly [what: string, headers: Record<string, string>])[];

export const BROWSER = { 'User-Agent': 'Mozilla/5.0' };

/** Requests that no page of one's own would send for a stream. */
export const STRAY_GETS: Requests = [
  [
    'an image of another page, over plain http',
    { ...BROWSER, Accept: 'image/avif,*/*;q=0.8', Referer: 'http://evil.example/' },
  ],
  ['an image that hides its page', { ...BROWSER, Accept: 'image/avif,image/*,*/*;q=0.8' }],
  ['a script that hides its page', { ...BROWSER, Accept: '*/*' }],
  ['a script of another page', { ...BROWSER, Accept: '*/*', Referer: 'http://evil.example/' }],
  ['a style sheet that hides its page', { ...BROWSER, Accept: 'text/css,*/*;q=0.1' }],
  ['a frame that hides its page', { ...BROWSER, Accept: 'text/html,*/*;q=0.8' }],
  ['a stream for another page', { ...BROWSER, Accept: 'text/event-stream', Referer: 'http://evil.example/' }],
  ['a stream for another origin', { ...BROWSER, Accept: 'text/event-stream', Origin: 'http://evil.example' }],
  ['a stream for a page without an origin', { ...BROWSER, Accept: 'text/event-stream', Origin: 'null' }],
  ['a stream for a page of a file', { ...BROWSER, Accept: 'text/event-stream', Origin: 'file://' }],
  ['a stream for a page of an app shell', { ...BROWSER, Accept: 'text/event-stream', Origin: 'capacitor://' }],
  ['a stream for a page that has no address', { ...BROWSER, Accept: 'text/event-stream', Referer: 'about:blank' }],
  ['an image, with fetch metadata', { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': 'image' }],
  ['a frame, with fetch metadata', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Dest': 'iframe' }],
  ['fetch across sites', { ...BROWSER, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'empty' }],
];

/** Requests of EventSource, fetch and programs, to the host 127.0.0.1. */
export const OWN_GETS: Requests = [
  ['EventSource', { ...BROWSER, Accept: 'text/event-stream' }],
  ['fetch of a page that says where it is', { ...BROWSER, Accept: '*/*', Referer: 'http://127.0.0.1/page' }],
  [
    'a page behind a proxy that changes the host',
    { ...BROWSER, Referer: 'http://public.example/', 'X-Forwarded-Host': 'public.example' },
  ],
  ['a program', { Accept: '*/*' }],
  ['fetch, with fetch metadata', { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': 'empty' }],
];
