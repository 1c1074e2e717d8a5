import type { JobId } from '../../../src/kernel/ids.ts';
import type { CohortSpec, Quota } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import type { EvictionPolicy, NodeSpec } from '../../../src/scheduler/engine/model/pool-spec.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { AttemptNews, CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';
import type { CellStep } from '../../../src/scheduler/engine/machine/step.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec } from '../../../src/scheduler/engine/model/job-spec.ts';
import { LeastWaste } from '../../../src/scheduler/engine/placement/least-waste.ts';
import { ACCELERATORS, jobSpec, nodeSpec, poolSpec } from '../fixtures/scheduler-specs.ts';

/** A policy that allows every eviction, without grace. */
export const evictionPolicy = (overrides: Partial<EvictionPolicy> = {}): EvictionPolicy => ({
  victimOrder: 'least_lost_work',
  runtimeMinMs: 0,
  graceMaxMs: 60_000,
  leavingMaxCount: Infinity,
  protectedPriority: null,
  protectedKinds: [],
  reclaimWithinCohort: true,
  preemptWithinQueue: true,
  preemptForFairShare: false,
  ...overrides,
});

const quota = (nominal: number, overrides: Partial<Quota> = {}): Quota => ({ nominal, borrowingMax: null, lendingMax: null, ...overrides });

export const cohort = (name: string, parent: string | null = null): CohortSpec => ({
  name,
  parent,
  weightMilli: 1_000,
  quotas: {},
  eviction: null,
});

/** A queue with a quota of whole H100s. */
export const queue = (
  name: string,
  wholes: number,
  overrides: Partial<Omit<CohortSpec, 'eviction'>> & { eviction?: Partial<EvictionPolicy>; limits?: Partial<Quota> } = {},
): CohortSpec => {
  const { eviction, limits, ...rest } = overrides;
  return {
    ...cohort(name, 'all'),
    quotas: { H100: quota(wholes * 1_000, limits) },
    ...rest,
    eviction: evictionPolicy(eviction),
  };
};

export const cellSettings = (overrides: Partial<CellSettings> = {}): CellSettings => ({
  accelerators: ACCELERATORS,
  cohorts: [cohort('all'), queue('a', 8), queue('b', 8)],
  pools: [poolSpec()],
  placer: (cluster, mix) => new LeastWaste(cluster, mix),
  order: 'fair',
  agingMs: 60_000,
  agingMax: 100,
  historyHalfLifeMs: 3_600_000,
  headPatienceMs: 0,
  trustsObservedDurations: false,
  segmentMaxMs: 3_600_000,
  admissionsMaxCount: 1_000,
  ...overrides,
});

/** A cell, and every decision it has made so far. */
export class CellWorld {
  cell: Cell;
  nowMs = 1_000_000;
  decisions: readonly CellDecision[] = [];
  readonly history: CellDecision[] = [];

  constructor(settings: Partial<CellSettings> = {}, nodes: readonly NodeSpec[] = [nodeSpec(0), nodeSpec(1)]) {
    this.cell = new Cell(cellSettings(settings));
    if (nodes.length > 0) this.do({ kind: 'add_nodes', nodes });
  }

  do(event: CellEvent): CellStep {
    const result = step(this.cell, event, this.nowMs);
    this.decisions = result.decisions;
    this.history.push(...result.decisions);
    return result;
  }

  submit(n: number, overrides: Partial<JobSpec> = {}): JobId {
    const spec = jobSpec(n, overrides);
    this.do({ kind: 'submit', spec });
    return spec.id;
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.do({ kind: 'tick' });
  }

  report(id: JobId, news: AttemptNews, fence = this.job(id).fence): CellStep {
    return this.do({ kind: 'report', jobId: id, fence, news });
  }

  /** Reports that all jobs asked to leave have left. */
  leaveAll(): void {
    for (const id of this.cell.jobs.leaving) this.report(id, { kind: 'released' });
  }

  job(id: JobId): JobRecord {
    return this.cell.jobs.get(id);
  }

  states(...ids: JobId[]): string[] {
    return ids.map((id) => this.job(id).state);
  }

  /** The decisions of one kind in the last step. */
  decided<Kind extends CellDecision['kind']>(kind: Kind): Extract<CellDecision, { kind: Kind }>[] {
    return this.decisions.filter((decision): decision is Extract<CellDecision, { kind: Kind }> => decision.kind === kind);
  }
}
