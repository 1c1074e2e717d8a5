import { must } from '../../../kernel/assert.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { CohortNode } from '../fairness/quota-tree.ts';
import { available, ceiling, bundleOf } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { nodesWanted } from '../cell/job-record.ts';
import type { Booking, Reservation } from '../cell/records.ts';
import type { Slot } from '../model/cluster-state.ts';
import type { ModelWeights, ResourceOption, NodeDemand } from '../model/job-spec.ts';
import type { NodeSpec } from '../model/pool-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import { placementLooks } from '../cell/looks.ts';
import { affordablePools } from './candidate-plans.ts';
import { holdsAgainst, isApart, leavesHold, nodesToSpare } from './hold.ts';
import type { Offer, Blocker, Lack, PricedPool } from '../cell/offer.ts';

export type Attempted = { readonly offer: Offer } | { readonly blocker: Blocker };

/** Whether to determine exactly what is lacking, which costs more than finding a placement, or only that something is. */
type Detail = 'brief' | 'full';

/** Nodes, by index. */
export type NodeSet = Pick<ReadonlySet<number>, 'has' | 'size'>;

/** Where to look: in these pools, among these nodes only, and not at those. */
interface Within {
  readonly pools?: readonly PricedPool[];
  readonly among?: NodeSet | undefined;
  readonly without?: NodeSet | undefined;
}

/**
 * Finds a placement by one option in the present state: the most nodes that its quota and a pool allow, leaving reservations intact.
 * Changes nothing.
 */
export function tryOption(cell: Cell, job: JobRecord, option: number, detail: Detail, within?: Within): Attempted {
  cell.looks.take(1);
  const pools = within?.pools ?? affordablePools(cell, job.spec, option);
  if ('kind' in pools) return { blocker: pools };
  const wanted = must(job.spec.options[option], 'the option exists');
  const queue = cell.holdings.queueOf(job.spec);
  const short = quotaBlocker(queue, wanted, option);
  if (short !== undefined) return { blocker: short };
  const holds = holdsAgainst(cell, job, option);
  const booked = cell.bookings.against(job, cell.nowMs);
  const allowed = usableBy(cell, job, within?.among, booked);
  const { without } = within ?? {};
  const mayUse = without === undefined ? allowed : (node: number): boolean => !without.has(node) && allowed(node);
  const own = cell.bookings.nodesOf(job.spec.queue);
  let heldFor: JobId | undefined;
  for (const { pool, nanoDollarsPerNodeHour } of pools) {
    const poolId = pool.spec.id;
    const offerOf = (count: number): Offer | undefined => {
      for (const slots of candidates(cell, { poolId, wanted, count, weights: job.spec.weights, own, mayUse, holds })) {
        const placement = { demand: wanted.perNode, slots };
        const offer: Offer = { option, poolId, placement, nanoDollarsPerHour: nanoDollarsPerNodeHour * slots.length };
        const broken = holds.find((hold) => !isApart(cell, hold, job, offer) && !leavesHold(cell, hold, job, offer));
        if (broken === undefined) return offer;
        heldFor ??= broken.jobId;
      }
      if (holds.length > 0 && heldFor === undefined && hasRoom(cell, poolId, wanted, count, mayUse)) heldFor = holds[0]?.jobId;
      return undefined;
    };
    const countMax = Math.min(countWithin(queue, job, wanted), affordableCount(job, nanoDollarsPerNodeHour));
    const offer = mostNodes(wanted, countMax, offerOf);
    if (offer !== undefined) return { offer };
  }
  if (heldFor !== undefined) return { blocker: { kind: 'held', option, forJob: heldFor } };
  if (detail === 'brief') return { blocker: { kind: 'no_room', option, lack: null } };
  const reserved = bookingInTheWay(cell, job, wanted, pools, booked);
  if (reserved !== undefined) {
    const { id, queue: of, fromMs, untilMs } = reserved;
    return { blocker: { kind: 'reserved', option, bookingId: id, queue: of, fromMs, untilMs } };
  }
  return { blocker: lackOf(cell, wanted, option, pools, mayUse) };
}

interface Wanted {
  readonly poolId: PoolId;
  readonly wanted: ResourceOption;
  readonly count: number;
  readonly weights: ModelWeights | null;
  /** Nodes that are its queue's alone now. */
  readonly own: ReadonlySet<string>;
  readonly mayUse: (node: number) => boolean;
  readonly holds: readonly Reservation[];
}

/**
 * Placements in a pool, the best first: those that leave reserved nodes alone, of these those that no other job has to leave first, and of
 * these those that its queue has for itself, and those where the job's weights are. Which of them is taken depends on reservations, so all are tried before the job is reported as
 * not placeable.
 */
function* candidates(cell: Cell, { poolId, wanted, count, weights, own, mayUse, holds }: Wanted): Iterable<readonly Slot[]> {
  const roomy = cell.fleet.roomyNodes(poolId, wanted.perNode);
  if (roomy.length < count) return;
  const loaded = weights === null ? [] : cell.fleet.nodesWithWeights(poolId, weights.model);
  const { occupants } = cell.holdings;
  const isOwn = (node: number): boolean => own.has(cell.fleet.cluster.spec(node).id);
  for (const part of partsOf(cell, holds, wanted, mayUse)) {
    const vacant = occupants.isEmpty ? [part] : [(node: number): boolean => !occupants.isOn(node) && part(node), part];
    for (const allows of own.size === 0 ? vacant : vacant.flatMap((each) => [(node: number) => isOwn(node) && each(node), each])) {
      for (const nodes of loaded.length < count ? [roomy] : [loaded, roomy]) {
        cell.looks.take(placementLooks(cell.fleet.nodeCount, cell.pending.classCount));
        const slots = cell.placer.place({ nodes, demand: wanted.perNode, count, topology: wanted.topology, allows });
        if (slots !== undefined) yield slots;
      }
    }
  }
}

/** Whether there would be a placement without reservations. */
function hasRoom(
  cell: Cell,
  poolId: PoolId,
  { perNode, topology }: ResourceOption,
  count: number,
  allows: (node: number) => boolean,
): boolean {
  const nodes = cell.fleet.roomyNodes(poolId, perNode);
  cell.looks.take(placementLooks(cell.fleet.nodeCount, cell.pending.classCount));
  return nodes.length >= count && cell.placer.place({ nodes, demand: perNode, count, topology, allows }) !== undefined;
}

/** First the nodes that are not held; then also those that are, as far as they have room to spare: whichever of them is chosen. */
function* partsOf(
  cell: Cell,
  holds: readonly Reservation[],
  { perNode }: ResourceOption,
  mayUse: (node: number) => boolean,
): Iterable<(node: number) => boolean> {
  if (holds.length === 0) return yield mayUse;
  const held = new Set(holds.flatMap(({ nodes }) => nodes));
  yield (node) => !held.has(node) && mayUse(node);
  const toSpare = nodesToSpare(cell, holds, perNode);
  if (toSpare.size > 0) yield (node) => mayUse(node) && (!held.has(node) || toSpare.has(node));
}

/** The placement with the most nodes, in whole steps from the least the job needs; found by bisection, as more nodes are never easier to place. */
function mostNodes({ nodes }: ResourceOption, countMax: number, placeOf: (count: number) => Offer | undefined): Offer | undefined {
  let steps = Math.floor((countMax - nodes.min) / nodes.step);
  if (steps < 0) return undefined;
  let best = placeOf(nodes.min + steps * nodes.step);
  if (best !== undefined || steps === 0) return best;
  let low = 0;
  best = placeOf(nodes.min);
  while (best !== undefined && steps - low > 1) {
    const middle = (low + steps) >> 1;
    const offer = placeOf(nodes.min + middle * nodes.step);
    if (offer === undefined) steps = middle;
    else [low, best] = [middle, offer];
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

/** Whether a node may be used: one of those given, not one that refused the job, and none that another queue has for itself. */
function usableBy(
  cell: Cell,
  { avoids }: JobRecord,
  among: NodeSet | undefined,
  booked: ReadonlyMap<string, Booking> = NOTHING_BOOKED,
): (node: number) => boolean {
  const avoided = new Set([...avoids, ...booked.keys()].flatMap((id) => cell.fleet.find(id)?.index ?? []));
  if (among !== undefined) return (node) => among.has(node) && !avoided.has(node);
  return avoided.size === 0 ? EVERYWHERE : (node) => !avoided.has(node);
}

const EVERYWHERE = (): boolean => true;
const NOTHING_BOOKED: ReadonlyMap<string, Booking> = new Map();

/**
 * The booking because of which there is no placement, if that is the reason: without bookings there would be room, or only nodes that are booked
 * would ever do. Of several, the one that is over first.
 */
function bookingInTheWay(
  cell: Cell,
  job: JobRecord,
  wanted: ResourceOption,
  pools: readonly PricedPool[],
  booked: ReadonlyMap<string, Booking>,
): Booking | undefined {
  if (booked.size === 0) return undefined;
  const mayUse = usableBy(cell, job, undefined);
  let first: Booking | undefined;
  for (const { pool } of pools) {
    const large = cell.fleet.nodesOf(pool.spec.id).filter((node) => isLargeEnough(cell.fleet.cluster.spec(node), wanted.perNode));
    const bookings = large.flatMap((node) => booked.get(cell.fleet.cluster.spec(node).id) ?? []);
    const isAllBooked = large.length >= wanted.nodes.min && large.length - bookings.length < wanted.nodes.min;
    if (bookings.length === 0 || !(isAllBooked || hasRoom(cell, pool.spec.id, wanted, wanted.nodes.min, mayUse))) continue;
    for (const booking of bookings) if (first === undefined || booking.untilMs < first.untilMs) first = booking;
  }
  return first;
}

/** Why no pool had room: what there is too little of, in the pool where the most nodes would do. */
function lackOf(
  cell: Cell,
  wanted: ResourceOption,
  option: number,
  pools: readonly PricedPool[],
  mayUse: (node: number) => boolean,
): Blocker {
  let best: Lack | undefined;
  let couldFit = false;
  for (const { pool } of pools) {
    const nodes = cell.fleet.nodesOf(pool.spec.id);
    const large = nodes.filter((node) => isLargeEnough(cell.fleet.cluster.spec(node), wanted.perNode));
    couldFit ||= large.length >= wanted.nodes.min || (pool.spec.elasticity?.nodesMax ?? 0) >= wanted.nodes.min;
    const free = large.filter((node) => mayUse(node) && cell.fleet.cluster.fits(node, wanted.perNode));
    if (best !== undefined && free.length <= best.nodesFree) continue;
    const dimension = free.length >= wanted.nodes.min ? 'topology' : scarcest(cell, large, wanted.perNode);
    best = { poolId: pool.spec.id, dimension, nodesFree: free.length, nodesNeeded: wanted.nodes.min };
  }
  return couldFit && best !== undefined ? { kind: 'no_room', option, lack: best } : { kind: 'exceeds_capacity', option };
}

const isLargeEnough = (node: NodeSpec, { cpuMilli, memoryMib, acceleratorCount }: NodeDemand): boolean =>
  node.cpuMilli >= cpuMilli && node.memoryMib >= memoryMib && node.acceleratorCount >= acceleratorCount;

/** What the fewest nodes have enough of. */
function scarcest(
  { fleet }: Cell,
  nodes: readonly number[],
  { cpuMilli, memoryMib, acceleratorCount, milliEach }: NodeDemand,
): Lack['dimension'] {
  const { cluster } = fleet;
  const open = nodes.filter((node) => cluster.columns.isOpen[node] === 1);
  if (open.length === 0) return 'nodes';
  const enough = (demand: Partial<NodeDemand>): number =>
    open.filter((node) => cluster.fits(node, { cpuMilli: 0, memoryMib: 0, acceleratorCount: 0, milliEach: WHOLE_MILLI, ...demand })).length;
  const counts: readonly (readonly [Lack['dimension'], number])[] = [
    ['accelerators', enough({ acceleratorCount, milliEach })],
    ['cpu', enough({ cpuMilli })],
    ['memory', enough({ memoryMib })],
  ];
  return counts.reduce((least, count) => (count[1] < least[1] ? count : least))[0];
}
