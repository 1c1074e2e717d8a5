import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { RefusalPaceLimits } from '../../kernel/refusal-pace.ts';

/** What refusals of an isolate may cost. */
export const REFUSALS: RefusalPaceLimits = {
  perServed: 1 / API_LIMITS.servedPerRefusalCount,
  perSMin: API_LIMITS.refusalsPerSMinCount,
  burstMaxCount: API_LIMITS.refusalBurstMaxCount,
  holdMaxMs: API_LIMITS.refusalHoldMaxMs,
  heldMaxCount: API_LIMITS.refusalsHeldMaxCount,
  returnMaxMs: API_LIMITS.refusalReturnMaxMs,
  ownersMaxCount: API_LIMITS.refusalOwnersMaxCount,
};
