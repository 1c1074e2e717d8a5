import { assert } from '../../kernel/assert.ts';
import { tryOption } from '../admission/try-option.ts';
import { admit } from '../life/admit.ts';
import { tellToLeave } from '../life/tell-to-leave.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { chooseVictims } from './choose-victims.ts';
import { mayEvict } from './may-evict.ts';
import type { Victim } from './victim.ts';

/** Makes others leave for a job that has no place, if it may: those whose eviction costs least. Answers whether the job has a place now. */
export function makeWay(cell: Cell, job: JobRecord): boolean {
  const way = wayFor(cell, job);
  if (way === undefined) return false;
  for (const { job: victim, reason } of way.victims) tellToLeave(cell, cell.job(victim.spec.id), { reason, forJob: job.spec.id });
  // Looked for again now that they are leaving: nodes that nobody has to leave come first.
  const attempted = tryOption(cell, job, way.option, 'brief');
  assert('offer' in attempted, 'the victims were enough');
  admit(cell, job, attempted.offer);
  return true;
}

interface Way {
  readonly option: number;
  readonly victims: readonly Victim[];
}

/** The first option that others can be made to leave for, and who. Changes nothing. */
function wayFor(cell: Cell, job: JobRecord): Way | undefined {
  for (let option = 0; option < job.spec.options.length; option++) {
    const legal = mayEvict(cell, cell.holdings.holderOf(job, option));
    const victims = legal.length === 0 ? undefined : chooseVictims(cell, job, option, legal);
    if (victims !== undefined) return { option, victims };
  }
  return undefined;
}
