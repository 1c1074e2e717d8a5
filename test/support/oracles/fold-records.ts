import type { CellDecision, CellRecords } from '../../../src/scheduler/engine/cell/records.ts';

type Table = Map<string | number, unknown>;

class Tables {
  readonly jobs: Table = new Map();
  readonly nodes: Table = new Map();
  readonly queues: Table = new Map();
  readonly cohorts: Table = new Map();
  readonly pools: Table = new Map();
  readonly prices: Table = new Map();
  readonly accelerators: Table = new Map();
  readonly reservations: Table = new Map();
  readonly bookings: Table = new Map();
  readonly durations: Table = new Map();
  readonly throughputs: Table = new Map();
  readonly runTimes: Table = new Map();
  readonly startErrors: Table = new Map();
  readonly payers: Table = new Map();
  wakeAtMs: number | null = null;
}

function put(table: Table, key: string, value: number | null, row: unknown): void {
  if (value === null) table.delete(key);
  else table.set(key, row);
}

/** What each kind of decision does to the tables; the others do nothing. */
const APPLY: { readonly [Kind in CellDecision['kind']]?: (tables: Tables, decision: Extract<CellDecision, { kind: Kind }>) => void } = {
  save: ({ jobs }, { job }) => void jobs.set(job.spec.id, job),
  save_node: ({ nodes }, { node }) => void nodes.set(node.index, node),
  forget_node: ({ nodes }, { index }) => void nodes.delete(index),
  save_queue: ({ queues }, { queue }) => void queues.set(queue.name, queue),
  save_cohort: ({ cohorts }, { spec }) => void cohorts.set(spec.name, spec),
  forget_cohort: ({ cohorts, queues }, { name }) => [cohorts, queues].forEach((table) => table.delete(name)),
  save_pool: ({ pools }, { pool }) => void pools.set(pool.spec.id, pool),
  forget_pool: ({ pools }, { poolId }) => void pools.delete(poolId),
  save_accelerator: ({ accelerators }, { type }) => void accelerators.set(type.name, type),
  forget_price: ({ prices }, { row }) => void prices.delete(JSON.stringify({ ...row, nanoDollarsPerHour: 0 })),
  save_price: ({ prices }, { row }) => void prices.set(JSON.stringify({ ...row, nanoDollarsPerHour: 0 }), row),
  save_duration: ({ durations }, { classKey, longestMs }) => put(durations, classKey, longestMs, { classKey, longestMs }),
  save_throughput: ({ throughputs }, { key, milliPerHour }) => put(throughputs, key, milliPerHour, { key, milliPerHour }),
  save_run_times: ({ runTimes }, { key, counts }) => void (counts === null ? runTimes.delete(key) : runTimes.set(key, { key, counts })),
  save_start_errors: ({ startErrors }, { record }) => void startErrors.set(record.tree, record),
  save_payer: ({ payers }, { payer, hold }) => void (hold === null ? payers.delete(payer) : payers.set(payer, { payer, hold })),
  save_wake: (tables, { atMs }) => void (tables.wakeAtMs = atMs),
  save_reservation: ({ reservations }, { reservation }) =>
    void reservations.set(`${reservation.root} ${reservation.resource}`, reservation),
  save_booking: ({ bookings }, { booking }) => void bookings.set(booking.id, booking),
  forget_booking: ({ bookings }, { id }) => void bookings.delete(id),
  forget_reservation: ({ reservations }, { root, resource }) => void reservations.delete(`${root} ${resource}`),
};

/** The rows in a store that applied these decisions. */
export function foldRecords(decisions: readonly CellDecision[]): CellRecords {
  const tables = new Tables();
  for (const decision of decisions) {
    (APPLY[decision.kind] as ((tables: Tables, decision: CellDecision) => void) | undefined)?.(tables, decision);
  }
  const { wakeAtMs, ...rows } = tables;
  const records = Object.entries(rows).map(([name, table]) => [name, [...table.values()]]);
  // Through JSON, as a store would return them.
  return JSON.parse(JSON.stringify({ ...Object.fromEntries(records), nextSequence: 0, wakeAtMs })) as CellRecords;
}
