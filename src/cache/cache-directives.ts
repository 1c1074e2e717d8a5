/** What a request's `cache-control` (RFC 9111, 5.2.1) asks of a cache. */
export interface CacheDirectives {
  /** `no-cache`: answers must be made for this request. */
  readonly bypass: boolean;
  /** `no-store`: nothing of this request may be kept. What is kept already may answer it. */
  readonly store: boolean;
  /** `max-age`: the oldest answer that is acceptable; undefined takes any. */
  readonly ageMsMax: number | undefined;
}

/** Directives that are unknown are ignored, as the RFC wants; a `max-age` that is no number accepts nothing but the fresh. */
export function parseCacheControl(header: string | null): CacheDirectives {
  const directives = new Map<string, string>();
  for (const part of (header ?? '').split(',')) {
    const [name = '', value = ''] = part.split('=', 2);
    directives.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'));
  }
  return { bypass: directives.has('no-cache'), store: !directives.has('no-store'), ageMsMax: ageMs(directives.get('max-age')) };
}

function ageMs(seconds: string | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  return /^\d{1,10}$/.test(seconds) ? Number(seconds) * 1000 : 0;
}

export const acceptsAge = (directives: CacheDirectives, age: number): boolean =>
  directives.ageMsMax === undefined || age <= directives.ageMsMax;
