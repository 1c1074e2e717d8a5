import type { CallOrigin } from '../../src/gateway/upstreams/model-router.ts';

/** Rules see so many headers at most, as a caller may send thousands. */
const HEADERS_MAX = 64;
const HEADER_CHARS_MAX = 1_024;

/** How and from where a request came, as the platform says it: `cf` cannot be sent by a caller. */
export function callOrigin(request: Request): CallOrigin {
  const { cf } = request;
  const placed = ['country', 'continent', 'colo'].flatMap((name) => {
    const value = cf?.[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  let all: Readonly<Record<string, string>> | undefined;
  return {
    header: (name) => request.headers.get(name) ?? undefined,
    get headers() {
      all ??= boundedHeaders(request.headers);
      return all;
    },
    ...Object.fromEntries(placed),
  };
}

function boundedHeaders(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([, value]) => value.length <= HEADER_CHARS_MAX).slice(0, HEADERS_MAX));
}
