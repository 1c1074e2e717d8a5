import type { JobId } from '../../kernel/ids.ts';
import type { Cell } from './cell.ts';
import type { JobRecord } from './job-record.ts';

/** Jobs by order of submission, so that what is done to each in turn does not depend on how the cell came to know them. */
export const inOrder = (cell: Cell, ids: Iterable<JobId>): readonly JobRecord[] =>
  Array.from(ids, (id) => cell.job(id)).sort((a, b) => a.sequence - b.sequence);
