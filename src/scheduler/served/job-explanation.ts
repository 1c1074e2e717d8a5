import type { RemedyWays } from '../engine/explain/remedy.ts';
import type { Cell } from '../engine/cell/cell.ts';
import type { JobExplanation } from './explain-job.ts';
import { evictedBy, explained, NOT_WAITING } from './explain-job.ts';
import { foreseen, NOTHING_KNOWN } from './foreseen.ts';
import { weightsHeld, whyScaled, whyTurn, whyUnpaid } from './job-standing.ts';
import type { Job } from './jobs/job.ts';

interface Surroundings {
  /** What the owner of the job may see and do. */
  readonly ways: RemedyWays;
  readonly inTheWay: () => JobExplanation['reserved'];
  readonly atMs: number;
}

/** All that is to be said of how a job stands: why it waits, and of one that does not, what there is to say besides. */
export function explanationOf(cell: Cell, job: Job, { ways, inTheWay, atMs }: Surroundings): JobExplanation {
  const evicted = evictedBy(job, ways.isOwn);
  const record = cell.jobs.find(job.id);
  if (record === undefined) {
    const nothing = { lost: null, outlook: NOTHING_KNOWN.outlook, evicted, weights: null, scaling: null, turn: null, budget: null };
    return { jobId: job.id, ...NOT_WAITING, ...nothing, reserved: [] };
  }
  const known = foreseen(cell, record, atMs);
  const why = { ...explained(cell, record, ways), forecast: known.forecast };
  return {
    jobId: job.id,
    ...why,
    lost: record.attempt === null ? (record.lost ?? null) : null,
    outlook: known.outlook,
    evicted,
    weights: weightsHeld(cell, record.spec),
    scaling: whyScaled(job, record),
    turn: whyTurn(cell, record, atMs),
    budget: why.reason === 'budget_exhausted' ? whyUnpaid(cell, job, record, { atMs }) : null,
    reserved: why.reason === 'not_waiting' ? [] : inTheWay(),
  };
}
