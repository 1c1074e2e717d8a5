import { resize } from '../life/begin-attempt.ts';
import { failed } from '../life/end-attempt.ts';
import type { Cell } from '../machine/cell.ts';
import { saveJob } from '../machine/changes.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { owner } from '../machine/job-record.ts';
import { leftNodes } from './follow-load.ts';

// Replicas of online inference do not need each other: a group goes on with those that it has, and gets others for those that it lost. [J213]

/** Lets a group go on without a node: one that it has left already, or has to leave. False where that is no group, or leaves nothing of it. */
export function goOnWithout(cell: Cell, job: JobRecord, node: number, isLeft: boolean): boolean {
  const attempt = owner(job);
  if (job.spec.kind !== 'online_inference' || attempt === null || attempt.startedAtMs === null) return false;
  const others = attempt.placement.slots.filter((slot) => slot.node !== node);
  if (others.length === 0 || others.length === attempt.placement.slots.length) return false;
  resize(cell, job, attempt, others);
  const now = cell.jobs.get(job.spec.id);
  if (isLeft && now.attempt !== null) leftNodes(cell, now, now.attempt, (index) => index === node);
  return true;
}

/** One replica has ended. As often as attempts may fail, that was the job's fault; then the job has failed, as it has without any replica left. */
export function loseReplica(cell: Cell, job: JobRecord, attempt: Attempt, nodeId: string, isCounted: boolean): void {
  const node = cell.fleet.find(nodeId);
  const isThere = node !== undefined && attempt.placement.slots.some((slot) => slot.node === node.index);
  if (!isThere) return;
  const failures = job.failures + Number(isCounted);
  if (isCounted && failures >= job.spec.retry.attemptsMax) return failed(cell, job, false);
  const counted = { ...job, failures };
  saveJob(cell, counted);
  goOnWithout(cell, counted, node.index, true);
}
