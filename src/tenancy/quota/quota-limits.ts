import { LIMITS } from '../../contract/limits.ts';
import type { Resource } from './amounts.ts';
import type { WindowKind } from './window.ts';

/** How much a tenant may take in each window; null where a window has no limit. */
export type QuotaLimits = Readonly<Record<Resource, Readonly<Record<WindowKind, number | null>>>>;

/** What a tenant has until somebody says otherwise. */
export const DEFAULT_QUOTA: QuotaLimits = {
  requests: { minute: LIMITS.quotaDefaultRequestsPerMinute, day: null, month: null },
  tokens: { minute: LIMITS.quotaDefaultTokensPerMinute, day: null, month: null },
};
