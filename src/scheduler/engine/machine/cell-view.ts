import type { JobId } from '../../../kernel/ids.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { PriceBook } from '../model/price-book.ts';
import type { PoolChoice } from '../admission/pool-choice.ts';
import type { Durations } from '../queue/durations.ts';
import type { PendingQueues } from '../queue/pending-queues.ts';
import type { Reservations } from '../queue/reservations.ts';
import type { CellSettings } from './cell-settings.ts';
import type { Fleet } from './fleet.ts';
import type { Holdings } from './holdings.ts';
import type { JobRecord } from './job-record.ts';

/** What those decisions see of a cell that the cell itself takes while a job changes: when it ends, and which classes to look at again. */
export interface CellView {
  readonly settings: CellSettings;
  readonly nowMs: number;
  readonly fleet: Fleet;
  readonly holdings: Holdings;
  readonly pending: PendingQueues;
  readonly reservations: Reservations;
  readonly durations: Durations;
  readonly prices: PriceBook;
  readonly poolChoices: WeakMap<JobSpec['options'], PoolChoice[]>;
  readonly shrinkable: ReadonlySet<JobId>;
  readonly wakesAtMs: number;
  job(id: JobId): JobRecord;
}
