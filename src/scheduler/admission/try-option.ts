import { must } from '../../kernel/assert.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { available, ceiling } from '../fairness/available.ts';
import { bundleOf } from '../fairness/bundle.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import { nodesWanted } from '../elastic/nodes-wanted.ts';
import type { Offer } from '../life/offer.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { Reservation } from '../queue/reservation.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import type { Slot } from '../model/placement.ts';
import type { ResourceOption } from '../model/resource-option.ts';
import { affordablePools } from './affordable-pools.ts';
import type { PricedPool } from './affordable-pools.ts';
import type { Blocker } from './blocker.ts';
import { holdsAgainst, isApart, leavesHold } from './hold.ts';
import { lackOf } from './lack.ts';

export type Attempted = { readonly offer: Offer } | { readonly blocker: Blocker };

/** Whether to find out exactly what is lacking, which costs more than finding a place, or just that something is. */
export type Detail = 'brief' | 'full';

/** Looks for a place by one option, as things are: the most nodes its quota and a pool allow. Changes nothing. */
export function tryOption(cell: Cell, job: JobRecord, option: number, detail: Detail): Attempted {
  const pools = affordablePools(cell, job.spec, option);
  if ('kind' in pools) return { blocker: pools };
  const holds = holdsAgainst(cell, job, option);
  if (holds.length === 0) return place(cell, job, option, pools, EVERYWHERE, detail);
  const held = new Set(holds.flatMap(({ nodes }) => nodes));
  for (const allows of [(node: number): boolean => !held.has(node), EVERYWHERE]) {
    const attempted = place(cell, job, option, pools, allows, detail);
    if ('offer' in attempted && holds.every((hold) => isLeft(cell, hold, job, attempted.offer))) return attempted;
    if (allows === EVERYWHERE && 'blocker' in attempted) return attempted;
  }
  const [first] = holds;
  return { blocker: { kind: 'held', option, forJob: must(first, 'there is a hold').jobId } };
}

const isLeft = (cell: Cell, hold: Reservation, job: JobRecord, offer: Offer): boolean =>
  isApart(cell, hold, job, offer) || leavesHold(cell, hold, job, offer);

const EVERYWHERE = (): boolean => true;

function place(
  cell: Cell,
  job: JobRecord,
  option: number,
  pools: readonly PricedPool[],
  allows: (node: number) => boolean,
  detail: Detail,
): Attempted {
  const wanted = must(job.spec.options[option], 'the option exists');
  const queue = cell.holdings.queueOf(job.spec);
  const short = quotaBlocker(queue, wanted, option);
  if (short !== undefined) return { blocker: short };
  const avoided = avoidedNodes(cell, job);
  const mayUse = avoided.size === 0 ? allows : (node: number): boolean => !avoided.has(node) && allows(node);
  for (const { pool, nanoDollarsPerNodeHour } of pools) {
    const countMax = Math.min(countWithin(queue, job, wanted), affordableCount(job, nanoDollarsPerNodeHour));
    const slots = mostNodes(wanted, countMax, (count) => nodesFor(cell, pool.spec.id, wanted, count, mayUse));
    if (slots === undefined) continue;
    const placement = { demand: wanted.perNode, slots };
    return { offer: { option, poolId: pool.spec.id, placement, nanoDollarsPerHour: nanoDollarsPerNodeHour * slots.length } };
  }
  if (detail === 'brief') return { blocker: { kind: 'no_room', option, lack: null } };
  return { blocker: lackOf(cell, wanted, option, pools, mayUse) };
}

/** Nodes that nobody has to leave first, if there are enough. */
function nodesFor(
  cell: Cell,
  poolId: PoolId,
  wanted: ResourceOption,
  count: number,
  mayUse: (node: number) => boolean,
): readonly Slot[] | undefined {
  const { acceleratorCount, milliEach } = wanted.perNode;
  const isWhole = acceleratorCount > 0 && milliEach === WHOLE_MILLI;
  if (isWhole && cell.fleet.cluster.nodesWithWhole(poolId, acceleratorCount) < count) return undefined;
  const { leavers } = cell.holdings;
  const request = { nodes: cell.fleet.nodesOf(poolId), demand: wanted.perNode, count, topology: wanted.topology };
  const { placer } = cell.settings;
  const atOnce = leavers.isEmpty
    ? undefined
    : placer(cell.fleet.cluster, { ...request, allows: (node) => !leavers.isOn(node) && mayUse(node) });
  return atOnce ?? placer(cell.fleet.cluster, { ...request, allows: mayUse });
}

/** The place with the most nodes, in whole steps from the least the job needs; found by halving, as more nodes are never easier to place. */
function mostNodes(
  { nodes }: ResourceOption,
  countMax: number,
  placeOf: (count: number) => readonly Slot[] | undefined,
): readonly Slot[] | undefined {
  let steps = Math.floor((countMax - nodes.min) / nodes.step);
  if (steps < 0) return undefined;
  let best = placeOf(nodes.min + steps * nodes.step);
  if (best !== undefined || steps === 0) return best;
  let low = 0;
  best = placeOf(nodes.min);
  while (best !== undefined && steps - low > 1) {
    const middle = (low + steps) >> 1;
    const slots = placeOf(nodes.min + middle * nodes.step);
    if (slots === undefined) steps = middle;
    else [low, best] = [middle, slots];
  }
  return best;
}

function quotaBlocker(queue: CohortNode, { accelerator, perNode, nodes }: ResourceOption, option: number): Blocker | undefined {
  for (const { resource, quantity } of bundleOf(accelerator, perNode, nodes.min)) {
    const most = ceiling(queue, resource);
    if (quantity > most) return { kind: 'exceeds_quota', option, resource, needed: quantity, available: most };
    const left = available(queue, resource);
    if (quantity > left) return { kind: 'quota', option, resource, needed: quantity, available: Math.max(0, left) };
  }
  return undefined;
}

/** How many nodes the queue's quota allows, of those the job would like. */
function countWithin(queue: CohortNode, job: JobRecord, wanted: ResourceOption): number {
  const { accelerator, perNode } = wanted;
  return bundleOf(accelerator, perNode, 1).reduce(
    (count, { resource, quantity }) => Math.min(count, Math.floor(available(queue, resource) / quantity)),
    nodesWanted(job, wanted),
  );
}

function affordableCount({ spec }: JobRecord, nanoDollarsPerNodeHour: number): number {
  const limit = spec.limits.priceMaxNanoDollarsPerHour;
  return limit === null || nanoDollarsPerNodeHour === 0 ? Infinity : Math.floor(limit / nanoDollarsPerNodeHour);
}

const avoidedNodes = (cell: Cell, { avoids }: JobRecord): ReadonlySet<number> =>
  new Set(avoids.flatMap((id) => cell.fleet.find(id)?.index ?? []));
