import type { Turn } from '../../../src/kernel/stepped-work.ts';
import { SteppedWork } from '../../../src/kernel/stepped-work.ts';
import { GUARD_WORK } from '../../../src/upstreams/guardrails/guard-session.ts';

/** Others have no turn. */
export const noTurn: Turn = () => Promise.resolve();

/** What hooks may do for one call, without turns of others. */
export const unpacedWork = (): SteppedWork => new SteppedWork(GUARD_WORK, noTurn);
