import type { Refusal } from '../../contract/errors.ts';
import { refusal } from '../../contract/errors.ts';
import type { QuotaRule } from '../../contract/quota-rule.ts';
import { usd } from '../../tenancy/usage/price-book.ts';
import type { Refused } from '../../tenancy/quota/decision.ts';

const UNIT: Readonly<Record<QuotaRule['resource'], string>> = {
  requests: 'requests',
  tokens: 'tokens',
  queries: 'queries',
  accelerator_ms: 'accelerator milliseconds',
  spend_nano: 'US dollars',
  vectors: 'vectors',
  jobs: 'jobs at a time',
};

/**
 * The refusal for a caller. Waiting helps against a rate; against a day, a month, a budget or a resource-count quota it does not, so
 * clients must not retry.
 */
export function quotaRefusal({ level, rule, needed, retryAfterMs }: Refused): Refusal {
  const units = (count: number): string =>
    rule.resource === 'spend_nano' ? `${usd(BigInt(count))} ${UNIT.spend_nano}` : `${count} ${UNIT[rule.resource]}`;
  const type = rule.accelerator === null ? '' : ` (${rule.accelerator})`;
  const window = rule.window === 'held' ? '' : ` a ${rule.window}`;
  const quota = `the quota of ${units(rule.burst ?? rule.limit)}${type}${rule.burst === null ? window : ' at once'} of the ${level}`;
  if (needed > (rule.burst ?? rule.limit) && rule.limit > 0) return refusal('limit_exceeded', `${units(needed)} are more than ${quota}`);
  if (retryAfterMs === null || !isRate(rule)) return refusal('insufficient_quota', `${quota} is spent`);
  return { ...refusal('rate_limit_exceeded', `${quota} is reached`), retryAfterMs };
}

const isRate = ({ window, resource }: QuotaRule): boolean =>
  resource !== 'spend_nano' && (window === 'second' || window === 'minute' || window === 'hour');
