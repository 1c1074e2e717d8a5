// Stands in for modules of Hono that serve what no Worker here does: other applications mounted in one, forms parsed as a whole (ours are
// streamed), and HTML made of promises. They are methods of its classes, so that no bundler finds them unused: 3 kB, parsed at each cold start.

const missing = (what: string): never => {
  throw new Error(`${what} of Hono is not in this bundle: see workers/gateway/lean-hono.ts`);
};

/** For `utils/mount.js`. */
export const createMountedRequest = (): never => missing('mount');

/** For `utils/body.js`. */
export const parseBody = (): never => missing('parseBody');

/** For `utils/html.js`. */
export const resolveCallback = (): never => missing('html');

/** For `utils/html.js`. */
export const HtmlEscapedCallbackPhase = {} as const;
