import type { JobRecord } from '../machine/job-record.ts';
import { owner } from '../machine/job-record.ts';
import { nodesWanted } from './nodes-wanted.ts';

/** How many steps a job has beyond its least nodes. One that is giving up nodes has none to spare before it has left those. */
export function stepsToSpare(job: JobRecord): number {
  const attempt = owner(job);
  const option = job.spec.options[attempt?.option ?? 0];
  if (attempt === null || option === undefined || attempt.shedding.length > 0) return 0;
  return Math.max(0, Math.floor((attempt.placement.slots.length - option.nodes.min) / option.nodes.step));
}

/** How many steps more a job on its nodes should have. */
export function stepsWanted(job: JobRecord): number {
  const attempt = owner(job);
  const option = job.spec.options[attempt?.option ?? 0];
  if (attempt === null || option === undefined || attempt.startedAtMs === null || attempt.shedding.length > 0) return 0;
  return Math.max(0, Math.floor((nodesWanted(job, option) - attempt.placement.slots.length) / option.nodes.step));
}
