import type { CallOrigin } from '../../../../src/gateway/routes/model-router.ts';

/** Rules see so many headers at most, as a caller may send thousands. */
const HEADERS_MAX = 64;
const HEADER_CHARS_MAX = 1_024;

/** What of a request says where it is from. */
interface PlacedRequest {
  readonly headers: Headers;
  /** Written by the platform. */
  readonly cf?: object | undefined;
}

/** How and from where a request came, as the platform says it: `cf` cannot be sent by a caller. */
export function callOrigin(request: PlacedRequest): CallOrigin {
  let all: Readonly<Record<string, string>> | undefined;
  return {
    header: (name) => request.headers.get(name) ?? undefined,
    get headers() {
      all ??= boundedHeaders(request.headers);
      return all;
    },
    get place() {
      return placeOf(request);
    },
  };
}

function placeOf({ cf }: PlacedRequest): CallOrigin['place'] {
  const placed = ['country', 'continent', 'colo'].flatMap((name) => {
    const value = (cf as Readonly<Record<string, unknown>> | undefined)?.[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return Object.fromEntries(placed);
}

function boundedHeaders(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([, value]) => value.length <= HEADER_CHARS_MAX).slice(0, HEADERS_MAX));
}
