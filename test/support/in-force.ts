import type { Authority } from '../../src/gateway/authority.ts';
import { ok } from '../../src/kernel/result.ts';

/** The authority of a key that nobody revokes. */
export const IN_FORCE: Authority = { lease: async () => ok({ endsAtMs: Number.MAX_SAFE_INTEGER }) };
