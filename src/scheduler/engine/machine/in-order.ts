import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from './cell.ts';
import type { JobRecord } from './job-record.ts';

/** Jobs by order of submission, so that what is done to each in turn does not depend on how the cell came to know them. */
export const inOrder = (cell: Cell, ids: Iterable<JobId>): readonly JobRecord[] =>
  Array.from(ids, (id) => cell.job(id)).sort((a, b) => a.sequence - b.sequence);

/**
 * Does the same to jobs that all have to go, each as it is by then: those first that have not been handed over. They would be, for no time, once
 * the others have left.
 */
export function toEach(cell: Cell, jobs: readonly JobRecord[], act: (job: JobRecord) => void): void {
  for (const { spec } of [...jobs.filter(isAdmitted), ...jobs.filter((job) => !isAdmitted(job))]) act(cell.job(spec.id));
}

const isAdmitted = ({ state }: JobRecord): boolean => state === 'admitted';
