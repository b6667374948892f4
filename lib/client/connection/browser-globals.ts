/** Reads the globals of a page, none of which is sure to be there, and makes random keys and absolute URLs. */
import type { TaskStorage } from '../storage.js';

/** The globals of a page that matter here. None of them is sure to be there: Node, workers and React Native lack some. */
interface BrowserGlobals {
  /** `visibilitychange` is an event of the document, and bubbles. */
  readonly addEventListener?: (
    type: string,
    listener: (event: { readonly type: string }) => void,
    options: { readonly signal: AbortSignal; readonly capture?: boolean },
  ) => void;
  /** False can be believed, true cannot: a network that leads nowhere counts as online. */
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: { readonly hidden?: boolean; readonly prerendering?: boolean; readonly baseURI?: string };
  readonly location?: { readonly href?: string };
  readonly sessionStorage?: TaskStorage;
  readonly crypto?: { getRandomValues<T extends ArrayBufferView>(array: T): T };
  readonly Response?: { readonly prototype: object };
  readonly requestAnimationFrame?: (callback: () => void) => unknown;
  readonly reportError?: (error: unknown) => void;
  /** Node's; a bundler may put a part of it into a page. */
  readonly process?: { readonly emitWarning?: (warning: string) => void };
}

/** The global object, with what it may have in a page. */
export const globals = globalThis as unknown as BrowserGlobals;

/**
 * Resolves when a page that the browser prerenders is activated; anything but a promise for other pages. Whatever it asks
 * before is a prefetch, which the server refuses. `visibilitychange` comes too early, and this event of the document need not bubble.
 */
export const activated = (signal: AbortSignal): unknown =>
  globals.document?.prerendering &&
  new Promise((resolve) => globals.addEventListener?.('prerenderingchange', resolve, { signal, capture: true }));

/** 128 random bits, as 31 to 63 digits and hyphens; undefined without `crypto`, since a key that can be guessed is none. */
export const randomKey = (): string | undefined => globals.crypto?.getRandomValues(new Uint8Array(16)).join('-');

/**
 * Resolves `url` as the page would, but without the user and password that the page's own address may hold: `fetch`
 * refuses them, and the browser sends them along anyway.
 * @throws TypeError where `url` is none, or is relative and there is no page
 */
export function resolveUrl(url: string | URL): URL {
  const base = new URL(globals.document?.baseURI ?? globals.location?.href ?? url);
  base.username = base.password = '';
  return new URL(url, base);
}
