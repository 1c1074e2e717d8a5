import { LIMITS } from '../../contract/limits.ts';
import type { LevelKind, QuotaRule } from '../../contract/quota-rule.ts';

const perMinute = (resource: QuotaRule['resource'], limit: number): QuotaRule => ({
  resource,
  window: 'minute',
  limit,
  kind: 'hard',
  burst: null,
  accelerator: null,
});

const OF_A_TENANT: readonly QuotaRule[] = [
  perMinute('requests', LIMITS.quotaDefaultRequestsPerMinute),
  perMinute('tokens', LIMITS.quotaDefaultTokensPerMinute),
];

/** What a level may take until other rules are set. */
export const defaultRules = (kind: LevelKind): readonly QuotaRule[] => (kind === 'tenant' ? OF_A_TENANT : []);
