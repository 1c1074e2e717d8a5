import { boundOf, refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

/** A period: `fromMs` included, `toMs` not. */
export interface WholeHours {
  readonly fromMs: number;
  readonly toMs: number;
}

/** All hours that a period touches, in seconds since the epoch. Refuses with `invalid_value` or `limit_exceeded`. */
export function wholeHours(fromS: number, toS: number, limit: 'usageDaysMax' | 'cacheStatsDaysMax'): Outcome<WholeHours> {
  const fromMs = hourBefore(fromS * 1000);
  const toMs = hourBefore(toS * 1000 - 1) + HOUR_MS;
  if (toMs <= fromMs) return refuse('invalid_value', 'must be later than from', 'to');
  const days = (toMs - fromMs) / DAY_MS;
  if (days <= boundOf(limit)) return ok({ fromMs, toMs });
  return refuseBeyond({ path: 'from', limit, value: days, what: `spans ${days.toFixed(1)} days` });
}

const hourBefore = (ms: number): number => Math.floor(ms / HOUR_MS) * HOUR_MS;
