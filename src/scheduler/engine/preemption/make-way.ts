import { admit } from '../life/admit.ts';
import { tellToLeave } from '../life/tell-to-leave.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { Way } from './choose-victims.ts';
import { chooseVictims } from './choose-victims.ts';
import { mayEvict } from './may-evict.ts';

/** Evicts others for a job without a placement, if it may: those whose eviction costs least. Returns whether the job has a placement now. */
export function makeWay(cell: Cell, job: JobRecord): boolean {
  const way = wayFor(cell, job);
  if (way === undefined) return false;
  for (const { job: victim, reason } of way.victims) tellToLeave(cell, cell.job(victim.spec.id), { reason, forJob: job.spec.id });
  admit(cell, job, way.offer);
  return true;
}

/** The first option for which others can be evicted, and the victims. Changes nothing. */
function wayFor(cell: Cell, job: JobRecord): Way | undefined {
  for (let option = 0; option < job.spec.options.length; option++) {
    const legal = mayEvict(cell, cell.holdings.holderOf(job, option));
    const way = legal.length === 0 ? undefined : chooseVictims(cell, job, option, legal);
    if (way !== undefined) return way;
  }
  return undefined;
}
