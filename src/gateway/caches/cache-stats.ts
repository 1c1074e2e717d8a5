import type { CacheCounter, CacheCounts, CacheSubject, CacheTally } from '../../contract/caches/cache-tally.ts';
import { addCounts, AGE_BOUNDS_S, ageCounter } from '../../contract/caches/cache-tally.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Principal, TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { Holding } from './cache-holdings.ts';
import type { VectorSource } from './cache-report.ts';
import type { Organisations } from '../tenancy/organisation-store.ts';
import { subjectOf } from '../tenancy/subject.ts';
import { DAY_MS } from '../../kernel/time-units.ts';
import type { WholeHours } from '../tenancy/whole-hours.ts';
import { wholeHours } from '../tenancy/whole-hours.ts';
import { Composed } from '../api/composed.ts';

/** What a cache did for one request. */
export interface CacheEvent {
  readonly cache: CacheSubject['cache'];
  readonly model: string | null;
  /** One for each input. */
  readonly sources: readonly VectorSource[];
  /** The ages of hits in memory or in the shared level, each distinct input once. */
  readonly agesMs: readonly number[];
  readonly holding: Holding;
}

/** Receives what the caches of an isolate do, by owner. */
export type CountCache = (principal: TenantPrincipal, event: CacheEvent) => void;

interface CountCacheParts {
  readonly clock: Clock;
  /** `subject`: unique within the tenant. */
  readonly tally: (subject: string, tally: Omit<CacheTally, 'id' | 'isolateId'>) => void;
}

/** Turns events into tallies, which travel with the usage of the same requests. */
export const tallying =
  ({ clock, tally }: CountCacheParts): CountCache =>
  ({ organisationId, tenantId }, event) => {
    const { cache, model, holding } = event;
    const { entries, bytes } = holding;
    tally(`${cache}\n${model ?? ''}`, {
      organisationId,
      tenantId,
      cache,
      model,
      atMs: clock.nowMs(),
      counts: countsOf(event),
      held: { entries, bytes },
    });
  };

export function countsOf({ sources, agesMs, holding }: CacheEvent): CacheCounts {
  const counts: Partial<Record<CacheCounter, number>> = holding.evicted > 0 ? { evicted: holding.evicted } : {};
  for (const counter of [...sources, ...agesMs.map(ageCounter)]) counts[counter] = (counts[counter] ?? 0) + 1;
  return counts;
}

/** One cache of one tenant over a period. */
export interface CacheLine extends Pick<CacheSubject, 'cache' | 'model'> {
  readonly counts: CacheCounts;
  readonly held: { readonly isolates: number; readonly entries: number; readonly bytes: number };
}

/** What isolates reported, as it is stored. Whole hours, `fromMs` included and `toMs` not. */
export type CacheLines = (
  organisationId: OrganisationId,
  tenantId: TenantId,
  fromMs: number,
  toMs: number,
) => Promise<readonly CacheLine[]>;

interface CacheStatsParts {
  readonly organisations: Organisations;
  readonly lines: CacheLines;
  readonly clock: Clock;
  /** Delivers what this isolate has not reported yet, so that callers see their own calls. */
  readonly flush: () => Promise<void>;
}

export interface CacheStatsReport extends WholeHours {
  readonly tenantId: TenantId;
  readonly lines: readonly CacheLine[];
}

/** Answers what the caches of a tenant did. */
export class CacheStats extends Composed<CacheStatsParts> {
  /** Refuses with `tenant_not_found`, `invalid_value` or `limit_exceeded`. */
  async read(
    principal: Principal,
    request: { readonly tenant?: TenantId | undefined; readonly from?: number | undefined; readonly to?: number | undefined },
  ): Promise<Outcome<CacheStatsReport>> {
    const subject = subjectOf(principal, request.tenant);
    if (!subject.ok) return subject;
    const nowS = this.parts.clock.nowMs() / 1000;
    const { from = Math.max(0, (request.to ?? nowS) - DAY_MS / 1000), to = nowS } = request;
    const period = wholeHours(from, to, 'cacheStatsDaysMax');
    if (!period.ok) return period;
    const { fromMs, toMs } = period.value;

    const organisationId = organisationOf(subject.value);
    const tenant = await this.parts.organisations.at(organisationId).tenant(subject.value);
    if (!tenant.ok) return tenant;
    await this.parts.flush();
    return ok({ tenantId: subject.value, fromMs, toMs, lines: await this.parts.lines(organisationId, subject.value, fromMs, toMs) });
  }
}

/** Inputs by what answered them, from the counts of one line. */
export function hitsOf(counts: CacheCounts): { readonly hits: number; readonly asked: number } {
  const { memory = 0, shared = 0, joined = 0, duplicate = 0, computed = 0 } = counts;
  const hits = memory + shared + joined + duplicate;
  return { hits, asked: hits + computed };
}

/** How many hits were at most so old, for each bound in seconds and at last for all. */
export function agesOf(counts: CacheCounts): { readonly le: number | null; readonly count: number }[] {
  let count = 0;
  return [...AGE_BOUNDS_S, null].map((le, at) => {
    count += counts[`age_${at}` as CacheCounter] ?? 0;
    return { le, count };
  });
}

const NOTHING_HELD = { isolates: 0, entries: 0, bytes: 0 };

/** Lines of what is kept as rows: one a counter, and one of what is held. */
export function cacheLines(
  counts: readonly { cache: CacheLine['cache']; model: string; counter: CacheCounter; quantity: number }[],
  held: readonly ({ cache: CacheLine['cache']; model: string } & CacheLine['held'])[],
): CacheLine[] {
  const lines = new Map<string, CacheLine>();
  for (const { cache, model, counter, quantity } of counts) {
    const known = lines.get(`${cache}:${model}`) ?? { cache, model: model === '' ? null : model, counts: {}, held: NOTHING_HELD };
    lines.set(`${cache}:${model}`, { ...known, counts: addCounts(known.counts, { [counter]: quantity }) });
  }
  for (const { cache, model, isolates, entries, bytes } of held) {
    const known = lines.get(`${cache}:${model}`);
    if (known !== undefined) lines.set(`${cache}:${model}`, { ...known, held: { isolates, entries, bytes } });
  }
  return [...lines.values()];
}
