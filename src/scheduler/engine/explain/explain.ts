import { soonestPlace } from '../admission/reserve.ts';
import { tryOption } from '../admission/try-option.ts';
import type { Blocker } from '../admission/blocker.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { isWaiting } from '../machine/job-record.ts';
import type { Explanation, Why } from './explanation.ts';
import { aheadOf, positionOf } from './position.ts';
import { remedyFor } from './remedy.ts';

/** Why a job waits. Looks at the state as it is, and changes nothing. */
export function explain(cell: Cell, job: JobRecord): Explanation {
  const halted = haltOf(cell, job);
  if (halted !== undefined) {
    return { state: job.state, why: halted, blockers: [], position: null, ahead: [], earliestStartMs: null, remedies: [] };
  }
  const attempts = job.spec.options.map((_, option) => tryOption(cell, job, option, 'full'));
  const blockers = attempts.flatMap((attempted): Blocker[] => ('blocker' in attempted ? [attempted.blocker] : []));
  const isBlocked = blockers.length === attempts.length;
  return {
    state: job.state,
    why: { kind: isBlocked ? 'blocked' : 'others_first' },
    blockers,
    position: positionOf(cell, job),
    ahead: aheadOf(cell, job),
    earliestStartMs: earliestStart(cell, job),
    remedies: blockers.flatMap((blocker) => remedyFor(cell, job, blocker) ?? []),
  };
}

/** What keeps a job from being looked at, if anything does. */
function haltOf(cell: Cell, job: JobRecord): Why | undefined {
  if (!isWaiting(job)) return { kind: 'not_waiting' };
  if (job.nodesWanted === 0) return { kind: 'scaled_to_zero' };
  const jobs = job.spec.dependsOn.filter((id) => cell.find(id)?.state !== 'succeeded');
  if (jobs.length > 0) return { kind: 'dependencies', jobs };
  return cell.queue(job.spec.queue).isSuspended ? { kind: 'queue_suspended' } : undefined;
}

function earliestStart(cell: Cell, job: JobRecord): number | null {
  const starts = job.spec.options.flatMap((_, option) => soonestPlace(cell, job, option)?.startMs ?? []);
  return starts.length === 0 ? null : Math.min(...starts);
}
