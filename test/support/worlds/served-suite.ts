import type { AttemptReport } from '../../../src/contract/jobs/attempt.ts';
import type { PoolNode } from '../../../src/contract/pools/pool-exchange.ts';
import { partitionAt } from '../../../src/contract/pools/pool-partition.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import { DurableCell } from '../../../src/scheduler/served/durable-cell.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../src/scheduler/served/migrations.ts';
import { arrivalsOf, poolSpecOf } from '../../../src/scheduler/served/agents-as-nodes.ts';
import { specOf } from '../../../src/scheduler/served/spec-of.ts';
import { Agenda } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import { NodeSql } from '../fakes/node-sql.ts';

/** A job that arrives at a time and, once it has started, runs for as long. */
interface TimedJob {
  readonly request: JobRequest;
  readonly arrivalMs: number;
  /** Infinity: it stays. */
  readonly runtimeMs: number;
  /** `none`: it is cancelled unless it starts when it arrives. */
  readonly patience?: 'none';
}

interface Start {
  readonly jobId: JobId;
  readonly atMs: number;
  readonly nodeIds: readonly string[];
}

export interface ServedWorld {
  readonly settings: CellSettings;
  readonly pools: readonly { readonly id: PoolId; readonly nodes: readonly PoolNode[] }[];
  readonly jobs: readonly TimedJob[];
}

type Happening =
  | { readonly kind: 'arrive'; readonly job: TimedJob }
  | { readonly kind: 'end'; readonly jobId: JobId; readonly fence: number };

/** So many agents of a pool join with one message. */
const JOINED_AT_ONCE = 100;
const DONE = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;
const ALIVE = { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } } as const;

/** The starts that the engine alone decides on. */
export function startsOfEngine({ settings, pools, jobs }: ServedWorld): readonly Start[] {
  const cell = new Cell(settings);
  const starts: Start[] = [];
  const agenda = agendaOf(jobs);
  const runtimes = runtimesOf(jobs);
  const apply = (event: CellEvent, atMs: number): void => {
    const { decisions, nextDueMs } = step(cell, event, atMs);
    if (event.kind === 'report') cell.jobs.forget(event.jobId);
    for (const decision of decisions) {
      if (decision.kind !== 'start') continue;
      starts.push({ jobId: decision.jobId, atMs, nodeIds: decision.places.map(({ nodeId }) => nodeId) });
      const endsAtMs = atMs + runtimes.get(decision.jobId)!;
      if (endsAtMs < Infinity) agenda.add(endsAtMs, { kind: 'end', jobId: decision.jobId, fence: decision.fence });
    }
    if (nextDueMs <= atMs) apply({ kind: 'tick' }, atMs);
  };
  for (const { id, nodes } of pools) {
    apply({ kind: 'add_pool', spec: poolSpecOf({ id, name: id, owner: 'team', createdAtMs: 0 }) }, 0);
    for (const event of arrivalsOf(nodes, id)) apply(event, 0);
  }
  for (let next = agenda.next(); next !== undefined; next = agenda.next()) {
    const { item, atMs } = next;
    if (item.kind === 'arrive') {
      const { request, patience } = item.job;
      apply({ kind: 'submit', spec: specOf(request) }, atMs);
      if (patience === 'none' && starts.at(-1)?.jobId !== request.id) apply({ kind: 'cancel', jobId: request.id }, atMs);
    } else apply({ kind: 'report', jobId: item.jobId, fence: item.fence, news: { kind: 'completed' } }, atMs);
  }
  return starts;
}

/** The starts that the served cell sends to pools; it loses its memory after every `forgetsEvery` events. */
export function startsOfServedCell(world: ServedWorld, forgetsEvery = Infinity): readonly Start[] {
  const served = new ServedRun(world, forgetsEvery);
  served.run();
  return served.starts;
}

class ServedRun {
  readonly starts: Start[] = [];
  readonly #world: ServedWorld;
  readonly #forgetsEvery: number;
  readonly #storage = new NodeSql();
  readonly #agenda: Agenda<Happening>;
  readonly #runtimes: ReadonlyMap<JobId, number>;
  /** The pool that has an attempt at the job. */
  readonly #poolOf = new Map<JobId, PoolId>();
  readonly #carriedOut = new Map<PoolId, number>();
  readonly #nodeCounts = new Map<PoolId, number>();
  #cell: DurableCell;
  #nowMs = 0;

  constructor(world: ServedWorld, forgetsEvery: number) {
    this.#world = world;
    this.#forgetsEvery = forgetsEvery;
    this.#agenda = agendaOf(world.jobs);
    this.#runtimes = runtimesOf(world.jobs);
    migrate(this.#storage, JOB_MIGRATIONS);
    this.#cell = this.#open();
  }

  run(): void {
    for (const { id, nodes } of this.#world.pools) {
      this.#cell.addPool({ id, name: id.replaceAll('_', '-'), owner: 'team', createdAtMs: 0 });
      for (let from = 0; from < nodes.length; from += JOINED_AT_ONCE) this.#exchange(id, [], nodes.slice(from, from + JOINED_AT_ONCE));
    }
    let count = 0;
    for (let next = this.#agenda.next(); next !== undefined; next = this.#agenda.next()) {
      this.#nowMs = next.atMs;
      this.#happen(next.item);
      while (this.#cell.nextDueMs() <= this.#nowMs) this.#cell.wake();
      for (let pools = this.#cell.takeNews(); pools.length > 0; pools = this.#cell.takeNews())
        for (const pool of pools) this.#exchange(partitionAt(pool).poolId);
      if (next.item.kind === 'arrive') this.#giveUp(next.item.job);
      if ((count += 1) % this.#forgetsEvery === 0) this.#cell = this.#open();
    }
  }

  #happen(item: Happening): void {
    if (item.kind === 'arrive') this.#cell.submit(item.job.request);
    else this.#exchange(this.#poolOf.get(item.jobId)!, [{ jobId: item.jobId, fence: item.fence, ...DONE }]);
  }

  #giveUp({ request: { id, tenantId }, patience }: TimedJob): void {
    if (patience === 'none' && this.starts.at(-1)?.jobId !== id) this.#cell.act(tenantId, id, { kind: 'cancel' });
  }

  #exchange(poolId: PoolId, reports: readonly AttemptReport[] = [], joined: readonly PoolNode[] = []): void {
    const nodeCount = (this.#nodeCounts.get(poolId) ?? 0) + joined.length;
    this.#nodeCounts.set(poolId, nodeCount);
    const carriedOut = this.#carriedOut.get(poolId) ?? 0;
    const { effects } = this.#cell.exchange({ poolId, reports, left: [], joined, nodeCount, carriedOut });
    const alive: AttemptReport[] = [];
    for (const { sequence, effect } of effects) {
      this.#carriedOut.set(poolId, sequence);
      if (effect.kind !== 'start') continue;
      const { jobId, fence } = effect.grant;
      this.#poolOf.set(jobId, poolId);
      this.starts.push({ jobId, atMs: this.#nowMs, nodeIds: [effect.nodeId] });
      const endsAtMs = this.#nowMs + this.#runtimes.get(jobId)!;
      if (endsAtMs < Infinity) this.#agenda.add(endsAtMs, { kind: 'end', jobId, fence });
      alive.push({ jobId, fence, ...ALIVE });
    }
    if (effects.length > 0) this.#exchange(poolId, alive);
  }

  #open(): DurableCell {
    return new DurableCell(this.#storage, { nowMs: () => this.#nowMs }, this.#world.settings);
  }
}

function agendaOf(jobs: readonly TimedJob[]): Agenda<Happening> {
  const agenda = new Agenda<Happening>();
  for (const job of jobs) agenda.add(job.arrivalMs, { kind: 'arrive', job });
  return agenda;
}

const runtimesOf = (jobs: readonly TimedJob[]) => new Map(jobs.map(({ request, runtimeMs }) => [request.id, runtimeMs]));
