import type { PriceRow } from '../model/price-book.ts';
import type { Reservation } from '../queue/reservation.ts';
import type { NodeRecord, QueueRecord } from './decision.ts';
import type { JobRecord } from './job-record.ts';
import type { PoolRecord } from './pool-record.ts';

/** All a cell is built from: what its decisions said to save, the newest of each. */
export interface CellRecords {
  readonly jobs: readonly JobRecord[];
  readonly nodes: readonly NodeRecord[];
  readonly queues: readonly QueueRecord[];
  readonly pools: readonly PoolRecord[];
  readonly prices: readonly PriceRow[];
  readonly reservations: readonly Reservation[];
  readonly durations: readonly { readonly classKey: string; readonly longestMs: number }[];
  readonly throughputs: readonly { readonly key: string; readonly milliPerHour: number }[];
  /** When to look again at all that wait. */
  readonly wakeAtMs: number | null;
}
