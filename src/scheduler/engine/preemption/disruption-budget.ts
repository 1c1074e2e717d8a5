import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { policyOf } from './policy-for.ts';
import type { Victim } from './victim.ts';

/** Whether one more may leave its queue, and its pool, besides those that are leaving and those that are chosen to. */
export function withinBudget(cell: Cell, chosen: readonly Victim[], { job }: Victim): boolean {
  const ofQueue = policyOf(cell.holdings.queueOf(job.spec)).leavingMaxCount;
  const ofPool = job.attempt === null ? undefined : cell.settings.poolEviction.get(job.attempt.poolId)?.leavingMaxCount;
  const queueMax = Math.min(ofQueue, ofPool ?? Infinity);
  if (queueMax === Infinity) return true;
  const leaving = [...[...cell.leaving].map((id) => cell.job(id)), ...chosen.map((victim) => victim.job)];
  const count = (isLike: (other: JobRecord) => boolean): number => leaving.filter(isLike).length;
  const inQueue = count(({ spec }) => spec.queue === job.spec.queue);
  const inPool = count(({ attempt }) => attempt?.poolId === job.attempt?.poolId);
  return inQueue < queueMax && inPool < (ofPool ?? Infinity);
}
