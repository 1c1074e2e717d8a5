import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { NumberedEffect, PoolEffect } from '../../contract/pools/pool-exchange.ts';
import type { PartitionName } from '../../contract/pools/pool-partition.ts';
import { partitionName, ROOT_PARTITION } from '../../contract/pools/pool-partition.ts';
import type { JobId, PoolId } from '../../kernel/ids.ts';
import { jsonParts } from '../../kernel/sql/bulk-statements.ts';
import { RememberedValue } from '../../kernel/sql/remembering-storage.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import type { CellDecision, CellRecords } from '../engine/cell/records.ts';
import type { PriceRow } from '../engine/model/price-book.ts';

/** What is stored of each kind. */
type RecordOf = {
  readonly [K in keyof Omit<CellRecords, 'wakeAtMs' | 'nextSequence'>]-?: NonNullable<CellRecords[K]>[number];
} & { readonly wake: number; readonly next_sequence: number };

type Kind = keyof RecordOf;

/** Decisions that save or forget a record that is not a job. */
export type RecordDecision = Exclude<
  CellDecision,
  { readonly kind: 'save' | 'charge' | 'fund' | 'start' | 'notice' | 'kill' | 'resize' | 'unload' | 'provision' | 'retire' }
>;

/** A record as it is stored from now on; `record` null: no longer. */
interface Row {
  readonly kind: Kind;
  readonly key: string;
  readonly record: unknown;
}

/** What a partition has to do about an attempt of a job; in the place of the job, a node that it shall let go. */
export interface StoredEffect {
  readonly to: PartitionName;
  readonly jobId: string;
  readonly fence: number;
  readonly effect: PoolEffect;
}

const row = (kind: Kind, key: string | readonly unknown[], record: unknown): Row => ({
  kind,
  key: typeof key === 'string' ? key : JSON.stringify(key),
  record,
});

const priceKey = ({ accelerator, region, market, fromMs, poolId }: PriceRow): readonly unknown[] =>
  poolId === undefined ? [accelerator, region, market, fromMs] : [poolId, accelerator, fromMs];

/** The rows that each kind of decision changes. */
const ROWS: { readonly [K in RecordDecision['kind']]: (decision: Extract<RecordDecision, { readonly kind: K }>) => readonly Row[] } = {
  save_node: ({ node }) => [row('nodes', String(node.index), node)],
  forget_node: ({ index }) => [row('nodes', String(index), null)],
  save_queue: ({ queue }) => [row('queues', queue.name, queue)],
  save_cohort: ({ spec }) => [row('cohorts', spec.name, spec)],
  forget_cohort: ({ name }) => [row('queues', name, null), row('cohorts', name, null)],
  save_pool: ({ pool }) => [row('pools', pool.spec.id, pool)],
  forget_pool: ({ poolId }) => [row('pools', poolId, null)],
  save_price: ({ row: price }) => [row('prices', priceKey(price), price)],
  forget_price: ({ row: price }) => [row('prices', priceKey(price), null)],
  save_accelerator: ({ type }) => [row('accelerators', type.name, type)],
  save_reservation: ({ reservation }) => [row('reservations', [reservation.root, reservation.resource], reservation)],
  forget_reservation: ({ root, resource }) => [row('reservations', [root, resource], null)],
  save_booking: ({ booking }) => [row('bookings', booking.id, booking)],
  forget_booking: ({ id }) => [row('bookings', id, null)],
  save_duration: ({ classKey, longestMs }) => [row('durations', classKey, longestMs === null ? null : { classKey, longestMs })],
  save_throughput: ({ key, milliPerHour }) => [row('throughputs', key, milliPerHour === null ? null : { key, milliPerHour })],
  save_run_times: ({ key, counts }) => [row('runTimes', key, counts === null ? null : { key, counts })],
  save_start_errors: ({ record }) => [row('startErrors', record.tree, record)],
  save_payer: ({ payer, hold }) => [row('payers', payer, hold === null ? null : { payer, hold })],
  save_wake: ({ atMs }) => [row('wake', '', atMs)],
};

const rowsOf = (decision: RecordDecision): readonly Row[] =>
  (ROWS[decision.kind] as (decision: RecordDecision) => readonly Row[])(decision);

const sequenceRow = (sequence: number): Row => row('next_sequence', '', sequence);

/** No decision needs the record of a finished job. */
const jobRow = (job: JobRecord): Row => row('jobs', job.spec.id, job.finishedAtMs === null ? job : null);

export const isRecord = (decision: CellDecision): decision is RecordDecision => Object.hasOwn(ROWS, decision.kind);

/** The newest record of each thing of a cell, in the order in which things came; and the events that led there, the last so many. */
export const CELL_TABLES = `
  CREATE TABLE cell_records (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key));
  CREATE TABLE cell_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE effects (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, pool_id TEXT NOT NULL, job_id TEXT NOT NULL, fence INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE INDEX effects_by_pool ON effects (pool_id, sequence);
  CREATE INDEX effects_by_job ON effects (job_id);
  CREATE TABLE pool_leases (pool_id TEXT PRIMARY KEY, lease_until_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX pool_leases_by_end ON pool_leases (lease_until_ms);`;

/** Forgetting with every step would cost as much as writing it. */
const STEPS_FORGOTTEN_AT_ONCE = 8;

/** What cannot be judged yet is looked at again after so long. */
const LOOK_AGAIN_MS = 1_000;

/** In tables whose `pool_id` names a partition: those of a pool. `.` comes right before `/`, and no id of a pool has either. */
const IS_OF_POOL = "(pool_id = ?1 OR (pool_id >= ?1 || '.' AND pool_id < ?1 || '/'))";

/** Stand for the fence of an attempt where an effect is about a node. */
const RETIREMENT = -1;
const UNLOAD = -2;

/** What a step of a cell decided to save, without what the product adds. Every write belongs in the caller's transaction. */
export class SqliteCellStore {
  readonly #sql: SqlStorage['sql'];
  readonly #nextLeaseEnd = new RememberedValue(
    () => this.#sql.exec<{ at: number | null }>('SELECT min(lease_until_ms) AS at FROM pool_leases').one().at ?? undefined,
  );

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** What a cell is built from, and the latest time it has seen. */
  load(): { readonly records: CellRecords; readonly nowMs: number } {
    const records = {
      jobs: this.#all('jobs'),
      nextSequence: this.#all('next_sequence')[0] ?? 0,
      nodes: this.#all('nodes'),
      queues: this.#all('queues'),
      cohorts: this.#all('cohorts'),
      pools: this.#all('pools'),
      prices: this.#all('prices'),
      accelerators: this.#all('accelerators'),
      reservations: this.#all('reservations'),
      bookings: this.#all('bookings'),
      durations: this.#all('durations'),
      throughputs: this.#all('throughputs'),
      runTimes: this.#all('runTimes'),
      startErrors: this.#all('startErrors'),
      payers: this.#all('payers'),
      wakeAtMs: this.#all('wake')[0] ?? null,
    };
    const [last] = this.#sql.exec<{ at: number }>('SELECT at_ms AS at FROM cell_events ORDER BY sequence DESC LIMIT 1').toArray();
    return { records, nowMs: last?.at ?? 0 };
  }

  /** Saves the record of an unfinished job; no decision needs that of a finished one. */
  saveJob(job: JobRecord): void {
    this.#write([jobRow(job)]);
  }

  nextSequence(sequence: number): void {
    this.#write([sequenceRow(sequence)]);
  }

  save(decision: RecordDecision): void {
    this.#write(rowsOf(decision));
  }

  /** Saves all that a step decided, and the number of the next job where it took some. Of what changed more than once, only the newest is written. */
  saveAll(decisions: readonly RecordDecision[], jobs: Iterable<JobRecord>, nextSequence?: number): void {
    const numbered = nextSequence === undefined ? [] : [sequenceRow(nextSequence)];
    this.#write([...decisions.flatMap(rowsOf), ...Array.from(jobs, jobRow), ...numbered]);
  }

  /** Appends the events of a step, and forgets those before the last `keptCount` steps, some later than others. */
  log(events: readonly CellEvent[], atMs: number, keptCount: number = JOB_LIMITS.cellStepsKeptCount): void {
    const { sequence } = this.#sql
      .exec<{ sequence: number }>('INSERT INTO cell_events (at_ms, body) VALUES (?, ?) RETURNING sequence', atMs, JSON.stringify(events))
      .one();
    if (sequence % STEPS_FORGOTTEN_AT_ONCE === 0) this.#sql.exec('DELETE FROM cell_events WHERE sequence <= ?', sequence - keptCount);
  }

  /** Forgets the steps up to the last one that names something, which can be replayed no longer. */
  forgetSteps(name: string, atMs: number): void {
    this.#sql.exec('DELETE FROM cell_events WHERE sequence <= (SELECT max(sequence) FROM cell_events WHERE instr(body, ?))', name);
    // The latest time stays known.
    this.log([], atMs);
  }

  /** The logged steps, oldest first. */
  events(): readonly { readonly atMs: number; readonly events: readonly CellEvent[] }[] {
    return this.#sql
      .exec<{ at_ms: number; body: string }>('SELECT at_ms, body FROM cell_events ORDER BY sequence')
      .toArray()
      .map(({ at_ms, body }) => ({ atMs: at_ms, events: JSON.parse(body) as CellEvent[] }));
  }

  /** Adds what pools have to do, in this order. */
  putEffects(effects: readonly StoredEffect[]): void {
    for (const part of jsonParts(effects.map(({ to, jobId, fence, effect }) => [to, jobId, fence, effect]))) {
      this.#sql.exec(
        `INSERT INTO effects (pool_id, job_id, fence, body)
         SELECT value ->> 0, value ->> 1, value ->> 2, value -> 3 FROM json_each(?) ORDER BY key`,
        part,
      );
    }
  }

  /** Drops what was to be done about attempts of these jobs other than those under their fences; 0: about all. */
  dropEffects(live: ReadonlyMap<JobId, number>): void {
    for (const part of jsonParts([...live])) {
      this.#sql.exec(
        `DELETE FROM effects WHERE sequence IN (SELECT effects.sequence
         FROM (SELECT value ->> 0 AS job, value ->> 1 AS fence FROM json_each(?)) AS live
         CROSS JOIN effects ON effects.job_id = live.job AND effects.fence <> live.fence)`,
        part,
      );
    }
  }

  /** Nodes that pools shall let go. Each is counted by its pool until that has been carried out, or it has left by itself. */
  putRetirements(nodes: readonly { readonly to: PartitionName; readonly id: string }[]): void {
    this.putEffects(nodes.map(({ to, id }) => ({ to, jobId: id, fence: RETIREMENT, effect: { kind: 'retire', nodeId: id } })));
  }

  /** Weights that nodes shall forget. */
  putUnloads(unloads: readonly { readonly to: PartitionName; readonly nodeId: string; readonly model: string }[]): void {
    this.putEffects(
      unloads.map(({ to, nodeId, model }) => ({ to, jobId: nodeId, fence: UNLOAD, effect: { kind: 'unload', nodeId, model } })),
    );
  }

  /** Drops what was to be done about nodes that have left. */
  dropNodeEffects(nodeIds: readonly string[]): void {
    const ids = JSON.stringify(nodeIds);
    this.#sql.exec('DELETE FROM effects WHERE fence IN (?, ?) AND job_id IN (SELECT value FROM json_each(?))', RETIREMENT, UNLOAD, ids);
  }

  /** How many nodes a partition counts that it still has to let go. */
  retirementCount(partition: PartitionName): number {
    // The bound names the index.
    const query = 'SELECT count(*) AS count FROM effects WHERE pool_id = ? AND fence = ? AND fence < 0';
    return this.#sql.exec<{ count: number }>(query, partition, RETIREMENT).one().count;
  }

  /** Drops all that a pool had to do, and counts on it no more. */
  dismiss(poolId: PoolId): void {
    this.#nextLeaseEnd.forget();
    for (const table of ['effects', 'pool_leases']) this.#sql.exec(`DELETE FROM ${table} WHERE ${IS_OF_POOL}`, poolId);
  }

  /** The partitions of a pool that the cell counts on, and the root, which may have no agents. */
  partitionsOf(poolId: PoolId): ReadonlySet<PartitionName> {
    const rows = this.#sql.exec<{ name: string }>(`SELECT pool_id AS name FROM pool_leases WHERE ${IS_OF_POOL}`, poolId).toArray();
    return new Set([partitionName(poolId, ROOT_PARTITION), ...rows.map(({ name }) => name as PartitionName)]);
  }

  /** Drops effects that a partition has carried out. */
  carriedOut(partition: PartitionName, sequence: number): void {
    this.#sql.exec('DELETE FROM effects WHERE pool_id = ? AND sequence <= ?', partition, sequence);
  }

  /** At most `count` effects that a partition has not carried out, first to last. */
  effects(partition: PartitionName, count: number, startsMax = Infinity): readonly NumberedEffect[] {
    const effects = this.#sql
      .exec<{ sequence: number; body: string }>(
        'SELECT sequence, body FROM effects WHERE pool_id = ? ORDER BY sequence LIMIT ?',
        partition,
        count,
      )
      .toArray()
      .map(({ sequence, body }) => ({ sequence, effect: JSON.parse(body) as PoolEffect }));
    // In their order, as one effect may undo another: what comes after a start that has to wait waits, too.
    let starts = 0;
    const end = effects.findIndex(({ effect }) => effect.kind === 'start' && ++starts > startsMax);
    return end < 0 ? effects : effects.slice(0, end);
  }

  /** Counts on a partition up to then; a lease is never shortened. */
  extendLease(partition: PartitionName, untilMs: number): void {
    this.#nextLeaseEnd.forget();
    this.#sql.exec(
      `INSERT INTO pool_leases VALUES (?, ?) ON CONFLICT (pool_id) DO UPDATE SET
         lease_until_ms = max(lease_until_ms, excluded.lease_until_ms)`,
      partition,
      untilMs,
    );
  }

  endLease(partition: PartitionName): void {
    this.#nextLeaseEnd.forget();
    this.#sql.exec('DELETE FROM pool_leases WHERE pool_id = ?', partition);
  }

  /** The partition whose lease ended longest ago, if any has. */
  silentPartition(nowMs: number, judgedMs: number): PartitionName | undefined {
    const query = 'SELECT pool_id AS id FROM pool_leases WHERE lease_until_ms <= ? ORDER BY lease_until_ms LIMIT 1';
    const silent = this.#sql.exec<{ id: string }>(query, Math.min(nowMs, judgedMs)).toArray()[0]?.id as PartitionName | undefined;
    // One whose silence cannot be judged yet is looked at again.
    if (silent === undefined && (this.nextLeaseEndMs() ?? Infinity) <= nowMs) this.#nextLeaseEnd.set(nowMs + LOOK_AGAIN_MS);
    return silent;
  }

  nextLeaseEndMs(): number | undefined {
    return this.#nextLeaseEnd.get();
  }

  /** What was read may not be what is stored: a transaction failed. */
  forget(): void {
    this.#nextLeaseEnd.forget();
  }

  /** Each row of the statements is bound as JSON: one statement costs about as much as ten rows of one. */
  #write(rows: readonly Row[]): void {
    const saved = new Map<string, Row>();
    const forgotten = new Map<string, Row>();
    for (const one of rows) {
      const id = `${one.kind}\n${one.key}`;
      if (one.record === null) {
        saved.delete(id);
        forgotten.set(id, one);
      } else saved.set(id, one);
    }
    // First: what comes again is last in order.
    for (const part of jsonParts(Array.from(forgotten.values(), ({ kind, key }) => [kind, key]))) {
      this.#sql.exec('DELETE FROM cell_records WHERE (kind, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))', part);
    }
    for (const part of jsonParts(Array.from(saved.values(), ({ kind, key, record }) => [kind, key, JSON.stringify(record)]))) {
      this.#sql.exec(
        `INSERT INTO cell_records SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
         ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body`,
        part,
      );
    }
  }

  #all<K extends Kind>(kind: K): readonly RecordOf[K][] {
    return this.#sql
      .exec<{ body: string }>('SELECT body FROM cell_records WHERE kind = ? ORDER BY rowid', kind)
      .toArray()
      .map(({ body }) => JSON.parse(body) as RecordOf[K]);
  }
}
