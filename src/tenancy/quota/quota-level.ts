import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { LevelKind, WindowKind } from '../../contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import { HELD, QUOTA_WINDOWS } from '../../contract/tenancy/quota-terms.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import type { Amounts, CounterKey } from './amounts.ts';
import { keysOf } from './amounts.ts';
import type { BucketRate, TokenBucket } from './token-bucket.ts';
import { drained, refilled, unitsIn } from './token-bucket.ts';
import type { Slice, WindowStarts } from './window.ts';
import { NEVER_STARTED, WINDOW_COUNT, windowMsMax } from './window.ts';

export type LevelId = OrganisationId | TenantId | ProjectId | KeyId;

/** One level of an organisation: its rules, and what is granted at and below it. Granted is spent, whether it gets used or not. */
export interface QuotaLevel {
  readonly rules: readonly QuotaRule[];
  readonly rulesSetAtMs: number;
  /** The windows that `granted` counts in. */
  readonly startsMs: WindowStarts;
  /** Units by counter, in the order of `QUOTA_WINDOWS`. Counted with and without a rule: a new rule starts from what is spent. */
  readonly granted: Readonly<Partial<Record<CounterKey, readonly number[]>>>;
  /** By the rule's index: those with a burst. */
  readonly buckets: Readonly<Record<string, TokenBucket>>;
}

const KIND_OF_PREFIX: Readonly<Record<string, LevelKind>> = { org: 'organisation', tn: 'tenant', prj: 'project', key: 'key' };

export const levelKindOf = (id: LevelId): LevelKind | undefined => KIND_OF_PREFIX[id.slice(0, id.indexOf('_'))];

export const newLevel = (rules: readonly QuotaRule[]): QuotaLevel => ({
  rules,
  rulesSetAtMs: 0,
  startsMs: NEVER_STARTED,
  granted: {},
  buckets: {},
});

/** Other rules for a level; what has been granted stays granted, and a bucket that goes on keeps its level. */
export const withRules = (level: QuotaLevel, rules: readonly QuotaRule[], nowMs: number): QuotaLevel => ({
  ...level,
  rules,
  rulesSetAtMs: nowMs,
});

/** The counter that a rule reads. */
export const counterOf = ({ resource, accelerator }: QuotaRule): CounterKey =>
  accelerator === null ? resource : `accelerator_ms:${accelerator}`;

/** Where a rule's bucket is kept; no two rules of a level share it. */
export const placeOf = (rule: QuotaRule): string => `${counterOf(rule)}/${rule.window}/${rule.kind}`;

export const isHeld = (key: CounterKey): boolean => (HELD as readonly string[]).includes(key);

export function grantedIn(level: QuotaLevel, key: CounterKey, window: WindowKind): number {
  return level.granted[key]?.[QUOTA_WINDOWS.indexOf(window)] ?? 0;
}

/** The level with the windows that start at `startsMs` open: what was granted in others no longer counts. Buckets refill. */
export function opened(level: QuotaLevel, startsMs: WindowStarts, nowMs: number): QuotaLevel {
  const turned = QUOTA_WINDOWS.map((window) => level.startsMs[window] !== startsMs[window]);
  const buckets: Record<string, TokenBucket> = {};
  for (const rule of level.rules) {
    const rate = rateOf(rule);
    if (rate !== undefined) buckets[placeOf(rule)] = refilled(level.buckets[placeOf(rule)], rate, nowMs);
  }
  if (!turned.includes(true)) return { ...level, buckets };
  const granted: Partial<Record<CounterKey, readonly number[]>> = {};
  for (const key of Object.keys(level.granted) as CounterKey[]) {
    const kept = (level.granted[key] ?? []).map((units, window) => (turned[window] === true ? 0 : units));
    if (kept.some((units) => units > 0)) granted[key] = kept;
  }
  return { ...level, startsMs, granted, buckets };
}

/** Counts units as granted in all windows that are open. */
export function debited(level: QuotaLevel, units: Amounts): QuotaLevel {
  const granted = { ...level.granted };
  for (const key of keysOf(units)) granted[key] = counters(level, key).map((count) => count + (units[key] ?? 0));
  return { ...level, granted, buckets: drainedBuckets(level, units, 1, Infinity) };
}

/** Takes back a remainder, in those windows it was granted in that are still open: what the others let pass unused is gone with them. */
export function credited(level: QuotaLevel, { units, startsMs }: Slice): QuotaLevel {
  const granted = { ...level.granted };
  for (const key of keysOf(units)) {
    granted[key] = counters(level, key).map((count, position) => {
      const window = QUOTA_WINDOWS[position] as WindowKind;
      return level.startsMs[window] === startsMs[window] ? Math.max(0, count - (units[key] ?? 0)) : count;
    });
  }
  return { ...level, granted, buckets: drainedBuckets(level, units, -1, startsMs.second) };
}

/** Units that a hard rule over time lets pass now. */
export function leftUnder(level: QuotaLevel, rule: QuotaRule): number {
  const rate = rateOf(rule);
  const bucket = level.buckets[placeOf(rule)];
  if (rate !== undefined) return bucket === undefined ? rate.burst : unitsIn(bucket, rate);
  return rule.window === 'held' ? 0 : Math.max(0, rule.limit - grantedIn(level, counterOf(rule), rule.window));
}

/** How a rule with a burst refills. */
export const rateOf = ({ burst, window, limit }: QuotaRule): BucketRate | undefined =>
  burst === null || window === 'held' ? undefined : { burst, perWindow: limit, windowMs: windowMsMax(window) };

const counters = (level: QuotaLevel, key: CounterKey): readonly number[] =>
  level.granted[key] ?? Array.from({ length: WINDOW_COUNT }, () => 0);

/** `sinceMs`: when the units were granted. */
function drainedBuckets(level: QuotaLevel, units: Amounts, sign: 1 | -1, sinceMs: number): QuotaLevel['buckets'] {
  const buckets = { ...level.buckets };
  for (const rule of level.rules) {
    const [rate, bucket] = [rateOf(rule), buckets[placeOf(rule)]];
    if (rate === undefined || bucket === undefined || bucket.bornMs > sinceMs) continue;
    buckets[placeOf(rule)] = drained(bucket, rate, sign * (units[counterOf(rule)] ?? 0));
  }
  return buckets;
}

/** The levels that a caller's consumption counts at, from the organisation down. */
export const pathOf = ({ organisationId, tenantId, projectId, keyId, lineage = [] }: TenantPrincipal): readonly LevelId[] => [
  ...new Set<LevelId>([organisationId, tenantId, ...lineage, projectId, keyId]),
];

const perMinute = (resource: QuotaRule['resource'], limit: number): QuotaRule => ({
  resource,
  window: 'minute',
  limit,
  kind: 'hard',
  burst: null,
  accelerator: null,
});

const OF_A_TENANT: readonly QuotaRule[] = [
  perMinute('requests', TENANCY_LIMITS.quotaDefaultRequestsPerMinute),
  perMinute('tokens', TENANCY_LIMITS.quotaDefaultTokensPerMinute),
];

/** What a level may take until other rules are set. */
export const defaultRules = (kind: LevelKind): readonly QuotaRule[] => (kind === 'tenant' ? OF_A_TENANT : []);
