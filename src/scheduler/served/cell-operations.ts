import { assert } from '../../kernel/assert.ts';
import type { DurableCell } from './durable-cell.ts';
import type { PoolOperations } from './pool-operations.ts';
import type { CohortOperations } from './quotas/cohort-operations.ts';
import type { ReservationOperations } from './quotas/reservation-operations.ts';
import type { QueueOperations } from './quotas/queue-operations.ts';

/** Which part of a cell performs each operation: what operators do with pools and cohorts, and tenants with queues. */
const PART = {
  change: 'operations',
  remove: 'operations',
  setPrice: 'operations',
  prices: 'operations',
  nodes: 'operations',
  order: 'operations',
  notice: 'operations',
  createQueue: 'queues',
  changeQueue: 'queues',
  removeQueue: 'queues',
  queue: 'queues',
  queues: 'queues',
  createCohort: 'cohorts',
  changeCohort: 'cohorts',
  removeCohort: 'cohorts',
  cohort: 'cohorts',
  cohorts: 'cohorts',
  reserve: 'reservations',
  release: 'reservations',
  reservation: 'reservations',
  reservations: 'reservations',
} as const satisfies Readonly<Record<string, keyof DurableCell>>;

export type CellOperation = keyof typeof PART;

export type CellOperations = Pick<PoolOperations & QueueOperations & CohortOperations & ReservationOperations, CellOperation>;

/** Performs an operation by its name, as it comes in a call. */
export function perform<Name extends CellOperation>(
  cell: DurableCell,
  name: Name,
  args: Parameters<CellOperations[Name]>,
): ReturnType<CellOperations[Name]> {
  assert(Object.hasOwn(PART, name), 'an operation has a name');
  const part = cell[PART[name]] as unknown as CellOperations;
  const act = part[name] as (...args: Parameters<CellOperations[Name]>) => ReturnType<CellOperations[Name]>;
  return act.apply(part, args);
}
