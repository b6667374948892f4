/** Reads the option `allowedOrigins`: the pages that may use a server across sites. */
import { assertOption } from '../core/check-options.js';

/** Tells whether a page of this origin is on the list. */
export type OriginList = (origin: string) => boolean;

/** Matches the origins of app shells and browser extensions, such as `capacitor://localhost`. */
const CUSTOM_ORIGIN = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(?::\d{1,5})?$/;
/** Matches a star for one label, in front of a domain of at least two. */
const WILDCARD = /^(https?:\/\/)\*(\.[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?)$/;

/**
 * Checks the origins and makes a function of them. `https://*.example.com` stands for every origin with exactly one
 * label in the place of the star.
 * @throws TaskError `INVALID_OPTION` for what no browser would send as an `Origin`, and would so never match
 */
export function createOriginList(origins: readonly string[]): OriginList {
  const isArray: boolean = Array.isArray(origins);
  assertOption(isArray, 'allowedOrigins', 'an array', origins);
  const exact = new Set<string>();
  const wildcards: { readonly scheme: string; readonly domain: string }[] = [];
  for (const origin of origins as readonly unknown[]) {
    const text = typeof origin === 'string' ? origin : '';
    const [, scheme, domain] = WILDCARD.exec(text) ?? [];
    if (scheme !== undefined && domain !== undefined) wildcards.push({ scheme, domain });
    else {
      const rule = 'origins such as https://app.example, https://*.app.example or capacitor://localhost';
      assertOption(isPlainOrigin(text), 'allowedOrigins', rule, origin);
      exact.add(text);
    }
  }
  const matches = (origin: string): boolean =>
    wildcards.some(({ scheme, domain }) => {
      if (!origin.startsWith(scheme) || !origin.endsWith(domain)) return false;
      return /^[a-z0-9-]+$/.test(origin.slice(scheme.length, -domain.length));
    });
  return (origin) => exact.has(origin) || matches(origin);
}

function isPlainOrigin(text: string): boolean {
  if (text.includes('*')) return false;
  return CUSTOM_ORIGIN.test(text) || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text);
}
