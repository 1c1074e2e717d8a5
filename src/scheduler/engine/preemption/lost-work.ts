import type { JobRecord } from '../machine/job-record.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';

/** Work without accelerators counts as a tenth of one for each node. */
const NO_ACCELERATOR_MILLI = WHOLE_MILLI / 10;

/**
 * What evicting a job costs, in thousandths of an accelerator times ms: the work since it last saved, and a start. It may or may not save
 * while it stops, so that is not counted on: otherwise jobs that save often would be evicted least, though they lose least.
 */
export function lostWork({ spec, attempt }: JobRecord, nowMs: number): number {
  if (attempt === null || attempt.startedAtMs === null) return 0;
  const { demand, slots } = attempt.placement;
  const milli = slots.length * Math.max(demand.acceleratorCount * demand.milliEach, NO_ACCELERATOR_MILLI);
  return milli * (Math.max(0, nowMs - (attempt.savedAtMs ?? attempt.startedAtMs)) + spec.checkpoint.restartMs);
}
