import type { ADVICE_NAMES, SAVING_NAMES } from '../../contract/planning/cost.ts';
import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import type { Meter } from '../../contract/api/meter.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import { windowEndMs, windowStartMs } from '../../tenancy/quota/window.ts';
import { amountNano, editionNamed, priceOf } from '../../tenancy/usage/price-book.ts';
import type { UsageLine } from '../../tenancy/usage/usage-query.ts';
import { rateInterval } from '../../upstreams/canary/bernoulli-interval.ts';
import type { MeasuredReuse } from '../../upstreams/reuse/reuse-evidence.ts';
import type { LogCosts, LogLine } from '../../upstreams/log/log-sums.ts';
import type { UsageLines } from '../tenancy/usage-reader.ts';
import type { RequestLog } from '../requests/request-log-admin.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

interface Saving {
  readonly name: (typeof SAVING_NAMES)[number];
  readonly quantity: number;
  readonly unit: 'requests' | 'tokens' | 'queries';
  readonly nano: number;
}

/** What a version of a route did with answers that were made for other questions. */
interface ReuseLine extends MeasuredReuse {
  /** Of the month. */
  readonly reused: number;
  readonly nano: number;
}

interface Advice {
  readonly name: (typeof ADVICE_NAMES)[number];
  /** What the calls cost that it would apply to. */
  readonly appliesToNano: number;
  /** Absent: the numbers do not say. */
  readonly savesNano?: { readonly low: number; readonly high: number };
  /** Of calls that did what is advised. */
  readonly evidence: number;
}

export interface CostReport {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isLogged: boolean;
  readonly requests: number;
  /** Of answers to callers. */
  readonly costNano: number;
  /** Calls that failed or were blocked, of which some were charged nonetheless. */
  readonly unanswered: { readonly requests: number; readonly nano: number };
  /** Calls that Sluice made itself to compare answers. */
  readonly shadows: { readonly requests: number; readonly nano: number };
  /** The dearest first. */
  readonly targets: readonly LogLine[];
  readonly savings: readonly Saving[];
  readonly reuses: readonly ReuseLine[];
  readonly next: readonly Advice[];
}

interface CostReporterParts {
  readonly logOf: (tenantId: TenantId) => Pick<RequestLog, 'lines' | 'costs' | 'policy'>;
  /** What was measured of answers that a tenant's calls could reuse. */
  readonly reusesOf: (tenantId: TenantId) => Promise<readonly MeasuredReuse[]>;
  /** The ledger of an organisation. */
  readonly lines: UsageLines;
  /** Delivers the usage that this isolate has not delivered yet. */
  readonly flush: () => Promise<void>;
  readonly clock: Clock;
}

/** What a tenant's inference cost in a month, what was saved, and what would save more: from its own calls alone. */
export class CostReporter {
  readonly #parts: CostReporterParts;

  constructor(parts: CostReporterParts) {
    this.#parts = parts;
  }

  /** `month`: such as `2026-11`; absent: the current one. */
  async read(principal: TenantPrincipal, month?: string): Promise<Outcome<CostReport & { readonly startMs: number }>> {
    const { logOf, reusesOf, lines, flush, clock } = this.#parts;
    const { tenantId, resources } = principal;
    if (resources !== undefined)
      return refuse('scope_denied', 'the key is restricted to some resources, and the report is of all: use another key');
    const nowMs = clock.nowMs();
    const startMs = month === undefined ? windowStartMs('month', nowMs) : Date.parse(`${month}-01T00:00:00Z`);
    if (startMs > nowMs) return refuse('invalid_value', 'must not be after the current month', 'month');
    const toMs = Math.min(windowEndMs('month', startMs), nowMs);
    await flush();
    const log = logOf(tenantId);
    const { entries, retentionDays } = await log.policy();
    const fromMs = Math.min(toMs, Math.max(startMs, nowMs - retentionDays * DAY_MS));
    const query = { fromMs: startMs, toMs: Math.ceil(toMs / HOUR_MS) * HOUR_MS, tenantId, groupBy: [] };
    const [targets, byRoute, measured, costs, used] = [
      await log.lines('target', startMs, toMs, REQUEST_LOG_LIMITS.requestStatsGroupsMaxCount),
      await log.lines('route', startMs, toMs, REQUEST_LOG_LIMITS.requestStatsGroupsMaxCount),
      await reusesOf(tenantId),
      await log.costs(startMs, toMs),
      await lines(organisationOf(tenantId), query),
    ];
    if (!used.ok) return used;
    const answered = assessed(costs, used.value);
    return ok({
      startMs,
      fromMs,
      toMs,
      isLogged: entries !== 'off',
      targets: targets.toSorted((a, b) => spentNano(b) - spentNano(a)),
      unanswered: {
        requests: targets.reduce((sum, line) => sum + line.errors, 0),
        nano: targets.reduce((sum, line) => sum + line.costNano, -answered.costNano),
      },
      shadows: {
        requests: targets.reduce((sum, line) => sum + line.shadows, 0),
        nano: targets.reduce((sum, line) => sum + line.shadowNano, 0),
      },
      reuses: reuseLines(measured, byRoute),
      ...answered,
    });
  }
}

const reuseLines = (measured: readonly MeasuredReuse[], byRoute: readonly LogLine[]): ReuseLine[] =>
  measured.map((one) => {
    const { reused = 0, reuseNano = 0 } = byRoute.find(({ group }) => group === one.route) ?? {};
    return { ...one, reused, nano: reuseNano };
  });

const spentNano = ({ costNano, shadowNano }: LogLine): number => costNano + shadowNano;

const requests = (line: LogCosts): number => line.requests;

/** Sums of a month, and what follows from them. */
export function assessed(
  costs: readonly LogCosts[],
  used: readonly UsageLine[],
): Pick<CostReport, 'requests' | 'costNano' | 'savings' | 'next'> {
  const sum = (of: (line: LogCosts) => number, ofLines = costs): number => ofLines.reduce((total, line) => total + of(line), 0);
  const hits = costs.filter(({ cache }) => cache === 'hit');
  const routed = costs.filter(({ isRouted, cache }) => isRouted && cache !== 'hit');
  const served = costs.filter(({ cache }) => cache !== 'hit');
  return {
    requests: sum(requests),
    costNano: sum(({ costNano }) => costNano),
    savings: [
      {
        name: 'answer_cache',
        quantity: sum(({ requests: all, reused }) => all - reused, hits),
        unit: 'requests',
        nano: sum(({ savings }) => savings.cacheNano),
      },
      { name: 'answer_reuse', quantity: sum(({ reused }) => reused), unit: 'requests', nano: sum(({ savings }) => savings.reuseNano) },
      { name: 'routes', quantity: sum(requests, routed), unit: 'requests', nano: sum(({ savings }) => savings.routeNano) },
      { name: 'prompt_cache', quantity: sum(requests, served), unit: 'requests', nano: sum(({ savings }) => savings.promptNano) },
      { name: 'embedding_cache', unit: 'tokens', ...cachedUsage(used, 'embedding_cached_tokens', 'embedding_tokens') },
      { name: 'query_cache', unit: 'queries', ...cachedUsage(used, 'vector_cached_queries', 'vector_queries') },
    ],
    next: [cacheAdvice(costs), routeAdvice(costs)].filter(({ appliesToNano }) => appliesToNano > 0),
  };
}

/** What came from a cache, at the price that it had otherwise, less what it cost. */
function cachedUsage(lines: readonly UsageLine[], cached: Meter, otherwise: Meter): { readonly quantity: number; readonly nano: number } {
  const of = lines.filter(({ meter }) => meter === cached);
  const nano = of.map(({ quantity, priceId, amountNano: paid }) => amountNano(quantity, priceOf(editionNamed(priceId), otherwise)) - paid);
  return { quantity: of.reduce((sum, { quantity }) => sum + quantity, 0), nano: Number(nano.reduce((sum, one) => sum + one, 0n)) };
}

/** Fewer calls than these say nothing of others. */
export const EVIDENCE_MIN = 100;

/** The chance that a range does not hold what it says of calls like those that were seen. */
const ALPHA = 0.05;

/** Of the calls that did not ask the cache, it would give as many again as of those that did. [U152] */
function cacheAdvice(costs: readonly LogCosts[]): Advice {
  const count = (kind: LogCosts['cache']): number => totalOf(costs.filter(({ cache }) => cache === kind)).requests;
  const hits = count('hit');
  const asked = hits + count('miss');
  const appliesToNano = totalOf(costs.filter(({ cache }) => cache === 'bypass')).costNano;
  const rate = rateInterval({ events: hits, trials: asked }, ALPHA);
  const saves = { low: Math.floor(rate.low * appliesToNano), high: Math.ceil(rate.high * appliesToNano) };
  return { name: 'answer_cache', appliesToNano, evidence: asked, ...(asked < EVIDENCE_MIN ? {} : { savesNano: saves }) };
}

/** The calls that name a model would be served as much cheaper as those of routes were: at most, as they may be the ones that need it. [U152] */
function routeAdvice(costs: readonly LogCosts[]): Advice {
  const served = costs.filter(({ cache }) => cache !== 'hit');
  const routed = totalOf(served.filter(({ isRouted }) => isRouted));
  const { costNano: appliesToNano } = totalOf(served.filter(({ isRouted }) => !isRouted));
  const share = routed.routeNano <= 0 ? 0 : routed.routeNano / (routed.routeNano + routed.costNano);
  const saves = { low: 0, high: Math.ceil(share * appliesToNano) };
  return { name: 'routes', appliesToNano, evidence: routed.requests, ...(routed.requests < EVIDENCE_MIN ? {} : { savesNano: saves }) };
}

const totalOf = (lines: readonly LogCosts[]) => ({
  requests: lines.reduce((sum, line) => sum + line.requests, 0),
  costNano: lines.reduce((sum, line) => sum + line.costNano, 0),
  routeNano: lines.reduce((sum, line) => sum + line.savings.routeNano, 0),
});
