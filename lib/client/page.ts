/** The little of a page that matters here; in Node, and in part in workers, it is not there. */
interface Page {
  /** `visibilitychange` is the document's, and bubbles. */
  readonly addEventListener?: (
    type: string,
    listener: (event: { readonly type: string }) => void,
    options: { readonly signal: AbortSignal },
  ) => void;
  /** False is to be believed, true is not: a network that leads nowhere counts as online. */
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: { readonly hidden?: boolean };
}

export const page = globalThis as unknown as Page;
