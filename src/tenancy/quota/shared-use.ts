import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import type { Amounts } from './amounts.ts';
import type { Granted, Refused } from './decision.ts';
import type { LevelId, QuotaLevel } from './quota-level.ts';
import { newLevel, withRules } from './quota-level.ts';
import type { Path } from './take.ts';
import { openedAt, take } from './take.ts';
import type { Slice } from './window.ts';
import { MINUTE_MS } from '../../kernel/time-units.ts';

/** How much of something all isolates may use together; absent: as much as they like. */
export interface UseLimits {
  readonly concurrency?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** One use, under an id that its caller has made. */
export interface UseAsk {
  readonly id: string;
  readonly tokens: number;
  readonly limits: UseLimits;
  /** A use that is not ended by then was lost with its isolate. */
  readonly lifeMs: number;
}

export type UseAnswer =
  | { readonly kind: 'granted'; readonly slice: Slice }
  | { readonly kind: 'full'; readonly of: 'concurrency' | 'requests' | 'tokens'; readonly retryAfterMs: number }
  /** The use alone is more than a minute allows. */
  | { readonly kind: 'never'; readonly tokensMax: number };

/** What is in use: `underWay` uses hold a permit each. */
export interface SharedUse {
  readonly level: QuotaLevel;
  readonly underWay: number;
}

export const UNUSED: SharedUse = { level: newLevel([]), underWay: 0 };

/** A permit may be given back at any moment: others look for it this often. */
const PERMIT_RETRY_MS = 100;

/** Grants a use within all limits, or refuses it and takes nothing. */
export function beginUse(use: SharedUse, ask: UseAsk, nowMs: number): { readonly use: SharedUse; readonly answer: UseAnswer } {
  const { concurrency, tokensPerMinute = Infinity } = ask.limits;
  if (ask.tokens > tokensPerMinute) return { use, answer: { kind: 'never', tokensMax: tokensPerMinute } };
  if (concurrency !== undefined && use.underWay >= concurrency)
    return { use, answer: { kind: 'full', of: 'concurrency', retryAfterMs: PERMIT_RETRY_MS } };
  const need: Amounts = { requests: 1, ...(ask.tokens > 0 ? { tokens: ask.tokens } : {}) };
  const level = withRules(use.level, rulesOf(ask.limits), nowMs);
  const { path, decision } = take(pathOf(level), { need, draw: need, want: need, returned: [] }, nowMs);
  if (decision.kind === 'refused') return { use, answer: fullOf(decision) };
  return { use: { level: path[0].level, underWay: use.underWay + 1 }, answer: granted(decision) };
}

/** Ends a use: its permit is free, and `unused` is there again in the minute that it was taken in. */
export function endUse(use: SharedUse, unused: Slice | undefined, nowMs: number): SharedUse {
  const underWay = Math.max(0, use.underWay - 1);
  if (unused === undefined) return { ...use, underWay };
  const nothing: Amounts = {};
  const { path } = take(openedAt(pathOf(use.level), nowMs), { need: nothing, draw: nothing, want: nothing, returned: [unused] }, nowMs);
  return { level: path[0].level, underWay };
}

const pathOf = (level: QuotaLevel): Path => [{ id: 'org_shared' as LevelId, kind: 'organisation', level }];

const granted = ({ slice }: Granted): UseAnswer => ({ kind: 'granted', slice });

const fullOf = ({ rule, retryAfterMs }: Refused): UseAnswer => ({
  kind: 'full',
  of: rule.resource === 'tokens' ? 'tokens' : 'requests',
  retryAfterMs: retryAfterMs ?? MINUTE_MS,
});

const perMinute = (resource: 'requests' | 'tokens', limit: number): QuotaRule => ({
  resource,
  window: 'minute',
  limit,
  kind: 'hard',
  burst: null,
  accelerator: null,
});

const rulesOf = ({ requestsPerMinute, tokensPerMinute }: UseLimits): QuotaRule[] => [
  ...(requestsPerMinute === undefined ? [] : [perMinute('requests', requestsPerMinute)]),
  ...(tokensPerMinute === undefined ? [] : [perMinute('tokens', tokensPerMinute)]),
];
