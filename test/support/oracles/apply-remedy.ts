import { must, unreachable } from '../../../src/kernel/assert.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import type { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import type { Remedy, RemedyStep, RemedyWays } from '../../../src/scheduler/engine/explain/remedy.ts';
import type { CohortNode, CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { belowRoot, rootOf } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { finish } from '../../../src/scheduler/engine/life/end-attempt.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec, ResourceOption } from '../../../src/scheduler/engine/model/job-spec.ts';

/** The highest priority of jobs in cells without a contract. */
const PRIORITY_MAX = 1_000;

const raised = ({ spec }: CohortNode, resource: string, by: number): CohortSpec => {
  const quota = spec.quotas[resource] ?? { nominal: 0, borrowingMax: null, lendingMax: null };
  return storable({ ...spec, quotas: { ...spec.quotas, [resource]: { ...quota, nominal: quota.nominal + by } } });
};

/** Policies of tests know infinity, which is not stored. */
const storable = (spec: CohortSpec): CohortSpec =>
  spec.eviction === null
    ? spec
    : { ...spec, eviction: { ...spec.eviction, leavingMaxCount: Math.min(1_000_000, spec.eviction.leavingMaxCount) } };

/** What can be done in a cell that no gateway is before: any quota changes, and jobs of a queue are of one owner. */
export const cellWays = (cell: Cell, queue: string): RemedyWays => ({
  priorityMax: PRIORITY_MAX,
  moreQuota: (name, resource, by) => {
    const node = cell.tree.node(name);
    return [...belowRoot(node), rootOf(node)].map((each) => ({ owner: each.spec.name, saved: [raised(each, resource, by)] }));
  },
  isOwn: (id) => cell.jobs.get(id).spec.queue === queue,
  suspendedWith: (name) => [name],
  releasedWith: (payer) => [payer],
});

/** Steps that cancel the job and submit it again. */
type SubmitStep = Extract<
  RemedyStep,
  { readonly kind: 'higher_price_limit' | 'shorter_duration' | 'accept_more_pools' | 'smaller_demand' }
>;
type EventStep = Exclude<RemedyStep, SubmitStep>;

const SUBMIT_STEPS: ReadonlySet<RemedyStep['kind']> = new Set([
  'higher_price_limit',
  'shorter_duration',
  'accept_more_pools',
  'smaller_demand',
]);
const isSubmitStep = (one: RemedyStep): one is SubmitStep => SUBMIT_STEPS.has(one.kind);

/** Does what a remedy says, event by event as callers would cause them; answers the job that is to start then. */
export function applyRemedy(cell: Cell, jobId: JobId, { steps }: Remedy, nowMs: number): JobId {
  let id = jobId;
  for (const one of steps) {
    if (isSubmitStep(one)) {
      const spec = resubmitted(cell, id, one);
      for (const event of [{ kind: 'cancel', jobId: id } as const, { kind: 'submit', spec } as const]) step(cell, event, nowMs);
      id = spec.id;
    } else for (const event of eventsOf(cell, id, one)) step(cell, event, nowMs);
    for (let passes = 0; cell.nextDueMs() <= nowMs && passes < 20; passes++) step(cell, { kind: 'tick' }, nowMs);
  }
  return id;
}

function eventsOf(cell: Cell, jobId: JobId, one: EventStep): readonly CellEvent[] {
  const { queue } = cell.jobs.get(jobId).spec;
  switch (one.kind) {
    case 'more_quota':
      return [{ kind: 'change_cohorts', saved: [raised(cell.tree.node(one.owner), one.resource, one.by)], gone: [] }];
    case 'more_nodes': {
      const { poolId, by, node, domains } = one;
      const first = cell.fleet.cluster.length;
      return [
        {
          kind: 'add_nodes',
          nodes: Array.from({ length: by }, (_, n) => ({ ...node, id: `extra-${first + n}`, poolId, domains, ordinal: n })),
        },
      ];
    }
    case 'uncordon':
      return one.nodeIds.map((nodeId) => ({ kind: 'uncordon', nodeId }));
    case 'end_reservation':
      return [{ kind: 'cancel_booking', id: one.bookingId }];
    case 'higher_priority':
      return [{ kind: 'reprioritise', jobId, priority: one.priority }];
    case 'allow_eviction':
      return [{ kind: 'change_cohorts', saved: [evicting(cell.tree.node(queue).spec, one.of)], gone: [] }];
    case 'suspend_job':
      return [{ kind: 'hold', jobId: one.jobId, isHeld: true }];
    case 'resume':
      return [{ kind: 'hold', jobId, isHeld: false }];
    case 'start_queue': {
      const { stop: _, ...open } = storable(cell.tree.node(queue).spec);
      return [{ kind: 'change_cohorts', saved: [open], gone: [] }];
    }
    case 'lift_suspension':
      return [{ kind: 'suspend', queue, isSuspended: false }];
    case 'more_budget':
      return [{ kind: 'release_payer', payer: cell.jobs.get(jobId).spec.payer ?? queue }];
    case 'finish_dependencies':
      // No call does that: what they end with is supposed.
      for (const awaited of one.jobs) finish(cell, cell.jobs.get(awaited), 'succeeded', null);
      return [{ kind: 'tick' }];
    default:
      return unreachable(one);
  }
}

function evicting(queue: CohortSpec, of: 'borrowers' | 'lower_priority'): CohortSpec {
  const spec = storable(queue);
  const { reclaimsLowerOnly, ...policy } = must(spec.eviction, 'a queue has a policy');
  const eviction =
    of === 'borrowers'
      ? { ...policy, reclaimWithinCohort: true }
      : { ...policy, ...(reclaimsLowerOnly === undefined ? {} : { reclaimsLowerOnly }), preemptWithinQueue: true };
  return { ...spec, eviction };
}

/** The job as it is submitted again, where that is what a step says. */
function resubmitted(cell: Cell, jobId: JobId, one: SubmitStep): JobSpec {
  const { spec } = cell.jobs.get(jobId);
  const again = { ...spec, options: [...spec.options], id: `${spec.id}+` as JobId };
  const withOption = (at: number, change: Partial<ResourceOption>): JobSpec => ({
    ...again,
    options: spec.options.map((option, index) => (index === at ? { ...option, ...change } : option)),
  });
  switch (one.kind) {
    case 'higher_price_limit':
      return { ...again, limits: { ...spec.limits, priceMaxNanoDollarsPerHour: one.nanoDollarsPerHour } };
    case 'shorter_duration':
      return { ...again, limits: { ...spec.limits, durationMaxMs: one.durationMaxMs } };
    case 'accept_more_pools': {
      const { markets, regions } = must(spec.options[one.option], 'the option exists');
      return withOption(one.option, {
        markets: [...new Set([...markets, one.market])],
        regions: regions === null ? null : [...new Set([...regions, one.region])],
      });
    }
    case 'smaller_demand': {
      const { acceleratorCount, cpuMilli, memoryMib } = one.perNode;
      const { perNode } = must(spec.options[one.option], 'the option exists');
      return withOption(one.option, {
        nodes: { min: one.nodes, max: one.nodes, step: 1 },
        perNode: { ...perNode, acceleratorCount, cpuMilli, memoryMib },
      });
    }
    default:
      return unreachable(one);
  }
}
