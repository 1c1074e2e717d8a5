/** What a request's `cache-control` (RFC 9111, 5.2.1) asks of a cache. */
export interface CacheDirectives {
  /** `no-cache`: answers must be made for this request. */
  readonly bypass: boolean;
  /** `no-store`: nothing of this request may be kept. What is kept already may answer it. */
  readonly store: boolean;
  /** `only-if-cached`: nothing may be computed. */
  readonly onlyIfCached: boolean;
  /** `max-age`: the oldest answer that is acceptable; undefined takes any. */
  readonly ageMsMax: number | undefined;
  /** `min-fresh`: how long an answer must still be good for. */
  readonly freshMsMin: number;
  /** `max-stale`: how long ago an answer's time may have run out. */
  readonly staleMsMax: number;
}

/** What a request without directives asks for. */
export const ANY_FRESH: CacheDirectives = {
  bypass: false,
  store: true,
  onlyIfCached: false,
  ageMsMax: undefined,
  freshMsMin: 0,
  staleMsMax: 0,
};

/**
 * Unknown directives are ignored, as the RFC wants. Of a directive that comes twice the stricter holds, and an argument that is no number
 * of seconds asks for the strictest: nothing is served that the caller may not have wanted.
 */
export function parseCacheControl(header: string | undefined): CacheDirectives {
  let asked: CacheDirectives = { ...ANY_FRESH, staleMsMax: Infinity };
  let allowsStale = false;
  for (const part of (header ?? '').split(',')) {
    const [name = '', value] = part.split('=', 2);
    const directive = name.trim().toLowerCase();
    asked = narrowed(asked, directive, value?.trim().replace(/^"(.*)"$/, '$1'));
    allowsStale ||= directive === 'max-stale';
  }
  // `max-stale` is a permission, not a demand: together with a demand for freshness it permits nothing.
  return allowsStale && asked.freshMsMin === 0 ? asked : { ...asked, staleMsMax: 0 };
}

function narrowed(asked: CacheDirectives, name: string, value: string | undefined): CacheDirectives {
  switch (name) {
    case 'no-cache':
      return { ...asked, bypass: true };
    case 'no-store':
      return { ...asked, store: false };
    case 'only-if-cached':
      return { ...asked, onlyIfCached: true };
    case 'max-age':
      return { ...asked, ageMsMax: Math.min(asked.ageMsMax ?? Infinity, milliseconds(value) ?? 0) };
    case 'min-fresh':
      return { ...asked, freshMsMin: Math.max(asked.freshMsMin, milliseconds(value) ?? Infinity) };
    case 'max-stale':
      // Without an argument: however stale.
      return { ...asked, staleMsMax: Math.min(asked.staleMsMax, value === undefined ? Infinity : (milliseconds(value) ?? 0)) };
    default:
      return asked;
  }
}

const milliseconds = (seconds: string | undefined): number | undefined =>
  seconds !== undefined && /^\d{1,10}$/.test(seconds) ? Number(seconds) * 1000 : undefined;

/** Whether an entry of that age, which is good for `freshMs` more (negative: no longer), satisfies a request. */
export const accepts = ({ ageMsMax = Infinity, freshMsMin, staleMsMax }: CacheDirectives, ageMs: number, freshMs: number): boolean =>
  ageMs <= ageMsMax && (freshMs > 0 ? freshMs >= freshMsMin : -freshMs <= staleMsMax && staleMsMax > 0);
