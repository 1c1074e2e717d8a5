import type { JobRecord } from '../machine/job-record.ts';
import type { ResourceOption } from '../model/resource-option.ts';

/** How many nodes a job should have by an option: what is wanted, in whole steps and within its range. */
export function nodesWanted(job: JobRecord, { nodes }: ResourceOption): number {
  const wanted = Math.max(nodes.min, Math.min(nodes.max, job.nodesWanted ?? nodes.max));
  return nodes.min + Math.ceil((wanted - nodes.min) / nodes.step) * nodes.step;
}
