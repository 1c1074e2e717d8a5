import { unreachable } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import { tryOption } from '../admission/try-option.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import type { Blocker } from '../cell/offer.ts';
import { supposeCohorts } from '../cell/suppose-cohorts.ts';
import { payableOf } from '../cell/payer-holds.ts';
import { finish } from '../life/end-attempt.ts';
import type { JobSpec, ResourceOption } from '../model/job-spec.ts';
import { acceptsPool } from '../model/job-spec.ts';
import { apply, place, submit } from '../machine/step.ts';
import { haltOf } from './halt.ts';
import { moreNodes, uncordoned } from './node-changes.ts';
import type { Change, RemedyStep, RemedyWays } from './remedy.ts';
import { resourceClass } from '../cell/feasibility.ts';
import { rootOf } from '../fairness/quota-tree.ts';

/** What takes away what stands in the way of a job in the state as it is, the option that comes closest first. Changes nothing. */
export function* obstaclesLifted(cell: Cell, job: JobRecord, ways: RemedyWays): Iterable<Change> {
  const halt = liftHalt(cell, job, ways);
  if (halt === undefined) for (const blocker of blockersOf(cell, job)) yield* againstBlocker(cell, job, blocker, ways);
  else if (halt !== null) yield halt;
}

/** What lets a job pass others, or make do with less, where nothing keeps it from being looked at. Changes nothing. */
export function* alternatives(cell: Cell, job: JobRecord, ways: RemedyWays): Iterable<Change> {
  if (haltOf(cell, job) !== undefined) return;
  yield* pastOthers(cell, job, ways);
  for (const blocker of blockersOf(cell, job)) yield* withOtherTerms(cell, job, blocker);
}

function blockersOf(cell: Cell, job: JobRecord): readonly Blocker[] {
  const attempts = job.spec.options.map((_, option) => tryOption(cell, job, option, 'full'));
  const blockers = attempts.flatMap((attempted) => ('blocker' in attempted ? [attempted.blocker] : []));
  return blockers.toSorted((a, b) => NEAREST.indexOf(a.kind) - NEAREST.indexOf(b.kind));
}

const NEAREST: readonly Blocker['kind'][] = [
  'quota',
  'exceeds_quota',
  'held',
  'reserved',
  'no_room',
  'exceeds_capacity',
  'price',
  'no_pool',
];

/** What lets a job be looked at; null when it wants none; undefined when nothing keeps it. */
function liftHalt(cell: Cell, job: JobRecord, ways: RemedyWays): Change | null | undefined {
  const why = haltOf(cell, job);
  const { id, queue } = job.spec;
  const lift = (step: RemedyStep, act: () => unknown): Change => ({ step, target: step.kind, make: () => (act(), id) });
  if (why === undefined) return undefined;
  switch (why.kind) {
    case 'suspended':
      return lift({ kind: 'resume' }, () => apply(cell, { kind: 'hold', jobId: id, isHeld: false }));
    case 'dependencies':
      return lift({ kind: 'finish_dependencies', jobs: why.jobs }, () => why.jobs.forEach((one) => succeed(cell, one)));
    case 'queue_suspended':
      return lift({ kind: 'lift_suspension' }, () =>
        ways.suspendedWith(queue).forEach((one) => apply(cell, { kind: 'suspend', queue: one, isSuspended: false })),
      );
    case 'queue_stopped': {
      const { stop: _, ...open } = cell.tree.node(queue).spec;
      return lift({ kind: 'start_queue', queue }, () => supposeCohorts(cell, [open]));
    }
    case 'payer_refused': {
      const payers = ways.releasedWith(payableOf(job).payer);
      return lift({ kind: 'more_budget' }, () => payers.forEach((payer) => apply(cell, { kind: 'release_payer', payer })));
    }
    case 'not_waiting':
    case 'scaled_to_zero':
      return null;
    default:
      return unreachable(why);
  }
}

function succeed(cell: Cell, id: JobId): void {
  const job = cell.jobs.find(id);
  if (job !== undefined && job.finishedAtMs === null) finish(cell, job, 'succeeded', null);
}

/** What takes away what stands in the way of an option. */
function* againstBlocker(cell: Cell, job: JobRecord, blocker: Blocker, ways: RemedyWays): Iterable<Change> {
  const { option } = blocker;
  switch (blocker.kind) {
    case 'quota':
    case 'exceeds_quota':
      return yield* moreQuota(job, option, blocker.resource, blocker.needed - blocker.available, ways);
    case 'reserved':
      yield endReservation(job, option, blocker.bookingId);
      return yield* moreNodes(cell, job, option);
    case 'no_pool':
      yield* acceptMorePools(cell, job, option);
      return yield* moreNodes(cell, job, option);
    case 'price': {
      const nanoDollarsPerHour = blocker.nanoDollarsPerHour;
      const changed = limited(job, { priceMaxNanoDollarsPerHour: nanoDollarsPerHour });
      yield resubmitted(job, { kind: 'higher_price_limit', option, nanoDollarsPerHour }, changed);
      return undefined;
    }
    case 'too_late':
      // No change makes the job shorter, and its deadline is its owner's.
      return undefined;
    case 'held':
    case 'no_room':
    case 'exceeds_capacity':
      yield* uncordoned(cell, job, option);
      return yield* moreNodes(cell, job, option);
    default:
      return unreachable(blocker);
  }
}

function* moreQuota(job: JobRecord, option: number, resource: string, by: number, ways: RemedyWays): Iterable<Change> {
  const { id, queue } = job.spec;
  const found = ways.moreQuota(queue, resource, by);
  for (const { owner } of found) {
    const times = (count: number): Change | undefined => {
      const change = ways.moreQuota(queue, resource, by * count).find((one) => one.owner === owner);
      if (change === undefined) return undefined;
      const make = (cell: Cell): JobId => (supposeCohorts(cell, change.saved), id);
      return { step: { kind: 'more_quota', option, owner, resource, by: by * count }, target: `quota ${resource} ${owner}`, make, times };
    };
    const once = times(1);
    if (once !== undefined) yield once;
  }
}

function endReservation({ spec }: JobRecord, option: number, bookingId: string): Change {
  const make = (cell: Cell): JobId => (apply(cell, { kind: 'cancel_booking', id: bookingId }), spec.id);
  return { step: { kind: 'end_reservation', option, bookingId }, target: `booking ${bookingId}`, make };
}

/** Pools that an option does not accept, each market and region once. */
function* acceptMorePools(cell: Cell, job: JobRecord, option: number): Iterable<Change> {
  const wanted = job.spec.options[option];
  if (wanted === undefined) return;
  const seen = new Set<string>();
  for (const { spec } of cell.fleet.pools) {
    const { id, market, region } = spec;
    const isNew = !seen.has(`${market} ${region}`) && !acceptsPool(wanted, spec);
    if (!isNew || (wanted.accelerator !== null && !cell.fleet.hasAccelerator(id, wanted.accelerator))) continue;
    seen.add(`${market} ${region}`);
    const markets = wanted.markets.includes(market) ? wanted.markets : [...wanted.markets, market];
    const regions = wanted.regions === null || wanted.regions.includes(region) ? wanted.regions : [...wanted.regions, region];
    yield resubmitted(job, { kind: 'accept_more_pools', option, market, region }, withOption(job, option, { ...wanted, markets, regions }));
  }
}

/** What lets a job pass others. */
function* pastOthers(cell: Cell, job: JobRecord, ways: RemedyWays): Iterable<Change> {
  const { id, queue, priority } = job.spec;
  const { priorityMax } = ways;
  if (priority < priorityMax) {
    const make = (): JobId => (apply(cell, { kind: 'reprioritise', jobId: id, priority: priorityMax }), id);
    yield { step: { kind: 'higher_priority', priority: priorityMax }, target: 'priority', make };
  }
  const { spec } = cell.tree.node(queue);
  if (spec.eviction !== null) {
    const { reclaimsLowerOnly = false, ...policy } = spec.eviction;
    if (!policy.reclaimWithinCohort || reclaimsLowerOnly) {
      const eviction = { ...policy, reclaimWithinCohort: true };
      yield {
        step: { kind: 'allow_eviction', queue, of: 'borrowers' },
        target: 'reclaim',
        make: () => (supposeCohorts(cell, [{ ...spec, eviction }]), id),
      };
    }
    if (!policy.preemptWithinQueue) {
      const eviction = { ...spec.eviction, preemptWithinQueue: true };
      yield {
        step: { kind: 'allow_eviction', queue, of: 'lower_priority' },
        target: 'within',
        make: () => (supposeCohorts(cell, [{ ...spec, eviction }]), id),
      };
    }
  }
  for (const other of rivals(cell, job, ways)) {
    yield {
      step: { kind: 'suspend_job', jobId: other },
      target: `suspend ${other}`,
      make: () => (apply(cell, { kind: 'hold', jobId: other, isHeld: true }), id),
    };
  }
}

const RIVALS_MAX = 3;

/** Placed jobs of the same owner that hold what the job asks for: the least urgent first, then the latest. */
function rivals(cell: Cell, job: JobRecord, { isOwn }: RemedyWays): readonly JobId[] {
  const wanted = new Set(job.spec.options.map((_, option) => resourceClass(job, option)));
  const alike = cell.jobs
    .inOrder(cell.jobs.placed)
    .filter(
      ({ spec, attempt }) => attempt?.leaving === null && wanted.has(spec.options[attempt.option]?.accelerator ?? 'cpu') && isOwn(spec.id),
    );
  return alike
    .toSorted((a, b) => a.spec.priority - b.spec.priority || b.sequence - a.sequence)
    .slice(0, RIVALS_MAX)
    .map(({ spec }) => spec.id);
}

/** What a job may be content with, if it is submitted again. */
function* withOtherTerms(cell: Cell, job: JobRecord, blocker: Blocker): Iterable<Change> {
  const { option, kind } = blocker;
  const durationMaxMs =
    kind === 'reserved' ? blocker.fromMs - cell.nowMs : kind === 'held' ? headStartMs(cell, job, option) - cell.nowMs : 0;
  if (durationMaxMs > 0 && durationMaxMs < (job.spec.limits.durationMaxMs ?? Infinity))
    yield resubmitted(job, { kind: 'shorter_duration', option, durationMaxMs }, limited(job, { durationMaxMs }));
  if (kind === 'no_pool' || kind === 'price') return;
  const smaller = smallerDemand(job, option, 1);
  if (smaller !== undefined) yield smaller;
}

/** When the job starts for which nodes are reserved. */
function headStartMs(cell: Cell, job: JobRecord, option: number): number {
  return cell.reservations.of(rootOf(cell.holdings.queueOf(job.spec)).spec.name, resourceClass(job, option))?.startMs ?? 0;
}

/** Half as much as an option asks for, a quarter, and so on: of nodes first, then of each node. */
function smallerDemand(job: JobRecord, option: number, count: number): Change | undefined {
  const wanted = job.spec.options[option];
  if (wanted === undefined) return undefined;
  const { nodes, perNode } = wanted;
  const part = 2 * count;
  const share = (value: number): number => Math.max(1, Math.floor(value / part));
  let smaller: ResourceOption;
  if (nodes.min > 1) smaller = { ...wanted, nodes: { min: share(nodes.min), max: share(nodes.min), step: 1 }, topology: wanted.topology };
  else if (perNode.acceleratorCount > 1) {
    smaller = {
      ...wanted,
      perNode: {
        ...perNode,
        acceleratorCount: share(perNode.acceleratorCount),
        cpuMilli: share(perNode.cpuMilli),
        memoryMib: share(perNode.memoryMib),
      },
    };
  } else if (perNode.acceleratorCount === 0)
    smaller = { ...wanted, perNode: { ...perNode, cpuMilli: share(perNode.cpuMilli), memoryMib: share(perNode.memoryMib) } };
  else return undefined;
  const isLess = part <= Math.max(nodes.min, perNode.acceleratorCount, nodes.min === 1 && perNode.acceleratorCount === 0 ? 16 : 0);
  if (!isLess) return undefined;
  const { cpuMilli, memoryMib, acceleratorCount } = smaller.perNode;
  const step: RemedyStep = {
    kind: 'smaller_demand',
    option,
    nodes: smaller.nodes.min,
    perNode: { accelerator: wanted.accelerator, acceleratorCount, cpuMilli, memoryMib },
  };
  return { ...resubmitted(job, step, withOption(job, option, smaller)), times: (more) => smallerDemand(job, option, more) };
}

/** The job is cancelled, and submitted again as it would rather be. */
function resubmitted(job: JobRecord, step: RemedyStep, spec: JobSpec): Change {
  const id = `${job.spec.id}.again` as JobId;
  const make = (cell: Cell): JobId | undefined => {
    if (cell.jobs.find(id) !== undefined) return undefined;
    apply(cell, { kind: 'cancel', jobId: job.spec.id });
    // Others may come first before it is there again.
    place(cell);
    // What is known of pools for its options is for its former limits.
    return submit(cell, { ...spec, id, options: [...spec.options] }).ok ? id : undefined;
  };
  return { step, target: step.kind, make };
}

const limited = ({ spec }: JobRecord, limits: Partial<JobSpec['limits']>): JobSpec => ({ ...spec, limits: { ...spec.limits, ...limits } });

const withOption = ({ spec }: JobRecord, at: number, changed: ResourceOption): JobSpec => ({
  ...spec,
  options: spec.options.map((option, index) => (index === at ? changed : option)),
});
