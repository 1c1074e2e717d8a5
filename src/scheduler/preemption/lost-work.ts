import type { JobRecord } from '../machine/job-record.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';

/** Work without accelerators counts as a tenth of one for each node. */
const NO_ACCELERATOR_MILLI = WHOLE_MILLI / 10;

/**
 * What evicting a job costs, in thousandths of an accelerator times ms: the work since it last saved, and what a start takes. Whether it
 * will save while it leaves nobody knows, so that is not counted on: those who save often are left alone least, and lose least.
 */
export function lostWork({ spec, attempt }: JobRecord, nowMs: number): number {
  if (attempt === null || attempt.startedAtMs === null) return 0;
  const { demand, slots } = attempt.placement;
  const milli = slots.length * Math.max(demand.acceleratorCount * demand.milliEach, NO_ACCELERATOR_MILLI);
  return milli * (Math.max(0, nowMs - (attempt.savedAtMs ?? attempt.startedAtMs)) + spec.checkpoint.restartMs);
}
