/** Where the vector of an input came from. `joined`: another request of this isolate was computing it. */
export type VectorSource = 'memory' | 'shared' | 'joined' | 'duplicate' | 'computed';

/** Why a level of the cache passes a request on, as RFC 9211 names it. */
export type Forwarding = 'bypass' | 'request' | 'stale' | 'partial' | 'miss';

/** What the levels of the cache did for a batch. */
export interface CacheReport {
  /** One for each input, in order. */
  readonly sources: readonly VectorSource[];
  /** Ages of what the levels held and answered, each distinct input once. */
  readonly agesMs: readonly number[];
  /** For how long the first to run out is still good, below zero when it is stale; undefined when none ever runs out. */
  readonly ttlMs: number | undefined;
  /** Why the first level did not answer all of it; undefined when it did. */
  readonly forwarded: Forwarding | undefined;
  /** Distinct inputs that the second level was asked for, and how many it answered. */
  readonly shared: { readonly asked: number; readonly found: number };
  /** The levels that keep what this batch brought. */
  readonly stored: { readonly memory: boolean; readonly shared: boolean };
}

/** The value of `age`: that of the oldest; undefined when all was computed for this request. */
export const ageOf = ({ agesMs }: CacheReport): number | undefined =>
  agesMs.length === 0 ? undefined : agesMs.reduce((oldest, ageMs) => Math.max(oldest, ageMs), 0);

const SOURCES: readonly VectorSource[] = ['memory', 'shared', 'joined', 'duplicate', 'computed'];

interface Member {
  readonly level: 'l1' | 'l2';
  /** Undefined: a hit. */
  readonly forwarded: Forwarding | undefined;
  readonly ttlMs: number | undefined;
  readonly stored: boolean;
  readonly collapsed: boolean;
  readonly detail: string;
}

/**
 * The `cache-status` of an answer (RFC 9211): one member for each level that was asked, the one nearest to the caller last. A level hits
 * when it passed nothing on. `l1` is the memory of the isolate, `l2` what all isolates share.
 */
export function cacheStatus(report: CacheReport): string {
  const { shared, sources, stored, forwarded, ttlMs } = report;
  const l2: Member[] = shared.asked === 0 ? [] : [secondLevel(report)];
  const counts = SOURCES.flatMap((source) => {
    const count = sources.filter((other) => other === source).length;
    return count === 0 ? [] : [`${source}=${count}`];
  });
  const collapsed = sources.includes('joined');
  const l1: Member = { level: 'l1', forwarded, ttlMs, stored: stored.memory, collapsed, detail: counts.join(' ') };
  return [...l2, l1].map(rendered).join(', ');
}

function secondLevel({ shared, stored, ttlMs }: CacheReport): Member {
  const forwarded = shared.found === shared.asked ? undefined : shared.found > 0 ? 'partial' : 'miss';
  const detail = `found=${shared.found} asked=${shared.asked}`;
  return { level: 'l2', forwarded, ttlMs: shared.found > 0 ? ttlMs : undefined, stored: stored.shared, collapsed: false, detail };
}

/** A structured field item (RFC 8941): parameters that are true stand alone, times are whole seconds. */
function rendered({ level, forwarded, ttlMs, stored, collapsed, detail }: Member): string {
  const passedOn =
    forwarded === undefined ? ['hit'] : [`fwd=${forwarded}`, ...(stored ? ['stored'] : []), ...(collapsed ? ['collapsed'] : [])];
  const ttl = ttlMs === undefined ? [] : [`ttl=${Math.floor(ttlMs / 1000)}`];
  return [`sluice-${level}`, ...passedOn, ...ttl, ...(detail === '' ? [] : [`detail="${detail}"`])].join('; ');
}

/** What it did for several questions that came together, one of each. */
export function joinedReport(reports: readonly CacheReport[]): CacheReport {
  const forwarded = reports.flatMap((report) => report.forwarded ?? []);
  const ttlsMs = reports.flatMap((report) => report.ttlMs ?? []);
  return {
    sources: reports.flatMap(({ sources }) => sources),
    agesMs: reports.flatMap(({ agesMs }) => agesMs),
    ttlMs: ttlsMs.length === 0 ? undefined : Math.min(...ttlsMs),
    forwarded: forwarded.length > 0 && forwarded.length < reports.length ? 'partial' : forwarded[0],
    shared: { asked: 0, found: 0 },
    stored: { memory: reports.some(({ stored }) => stored.memory), shared: false },
  };
}

/** What the cache did, and how old its part of the answer is. */
export function cacheHeaders(report: CacheReport): Record<string, string> {
  const ageMs = ageOf(report);
  return { 'cache-status': cacheStatus(report), ...(ageMs === undefined ? {} : { age: String(Math.floor(ageMs / 1000)) }) };
}
