import { must } from '../../../kernel/assert.ts';
import { ClusterState } from '../../engine/model/cluster-state.ts';
import { CostBoard } from '../../engine/placement/cost-board.ts';
import { Scarcity } from '../../engine/placement/scarcity.ts';
import { WasteCost } from '../../engine/placement/waste-cost.ts';
import type { WeightedShape } from '../../engine/placement/workload-mix.ts';
import { acceleratorMilli } from '../../engine/placement/workload-mix.ts';
import { FgdCost, typicalShapes } from './fgd.ts';
import type { OpenbTrace } from './read-openb.ts';
import { capacityMilli } from './read-openb.ts';

/** Share of the accelerators, in percent, that is allocated once so much has arrived. */
interface AllocationPoint {
  readonly arrivedPct: number;
  readonly allocatedPct: number;
}

export interface OpenbReplay {
  /** After each whole percent that arrived, from 0 on; the last after everything has. */
  readonly curve: readonly AllocationPoint[];
  readonly placed: number;
  /** Jobs that did not fit when they came: they do not come again. */
  readonly refused: number;
  readonly cluster: ClusterState;
}

/** Places jobs one after the other; none leaves. */
export function replayOpenb(trace: OpenbTrace, order: readonly number[], policy: OpenbPolicy): OpenbReplay {
  const cluster = new ClusterState();
  for (const node of trace.nodes) cluster.add(node);
  const total = capacityMilli(trace.nodes);
  const board = policy(cluster, trace.shapes);
  const everywhere = trace.nodes.map((_, node) => node);
  const curve: AllocationPoint[] = [];
  let [arrived, allocated, placed] = [0, 0, 0];
  for (const index of order) {
    const { shape } = must(trace.shapes[index], 'arrivals are shapes of the trace');
    const slots = board.cheapest(shape, everywhere, 1, () => true);
    arrived += acceleratorMilli(shape);
    if (slots !== undefined) {
      cluster.allocate({ demand: shape, slots });
      allocated += acceleratorMilli(shape);
      placed += 1;
    }
    const point = { arrivedPct: Math.floor((100 * arrived) / total), allocatedPct: (100 * allocated) / total };
    while (curve.length <= point.arrivedPct) curve.push({ ...point, arrivedPct: curve.length });
  }
  curve.push({ arrivedPct: (100 * arrived) / total, allocatedPct: (100 * allocated) / total });
  return { curve, placed, refused: order.length - placed, cluster };
}

/** How nodes are chosen in a replay, made for a cluster and the jobs that will come. */
type OpenbPolicy = (cluster: ClusterState, shapes: readonly WeightedShape[]) => CostBoard;

/** Sluice's, as its engine places jobs, and the published one for comparison. */
export const OPENB_POLICIES = {
  sluice: (cluster, shapes) => new CostBoard(cluster, new WasteCost(cluster, shapes), new Scarcity(cluster, shapes)),
  fgd: (cluster, shapes) => new CostBoard(cluster, new FgdCost(cluster, typicalShapes(shapes)), null),
} as const satisfies Record<string, OpenbPolicy>;

/** Demand that arrives, as a part of what the cluster has. */
const INFLATION = 1.3;

/**
 * The order in which jobs arrive (by index of their shape): shuffled, then random ones more until they ask for 1.3 times the accelerators
 * there are, or random ones fewer while they ask for more than that. The published protocol, but for its sequence of random numbers.
 */
export function arrivals({ shapes, pods }: OpenbTrace, accelerators: number, chance: () => number): readonly number[] {
  const milliOf = (pod: number): number => acceleratorMilliAt(shapes, pod);
  const order = [...pods];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(chance() * (last + 1));
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  const wanted = INFLATION * accelerators;
  let demand = order.reduce((sum, pod) => sum + milliOf(pod), 0);
  while (demand < wanted) {
    const pod = pods[Math.floor(chance() * pods.length)] ?? 0;
    order.push(pod);
    demand += milliOf(pod);
  }
  while (demand > wanted) {
    const [pod] = order.splice(Math.floor(chance() * order.length), 1);
    demand -= milliOf(pod ?? 0);
  }
  return order;
}

function acceleratorMilliAt(shapes: OpenbTrace['shapes'], pod: number): number {
  const entry = shapes[pod];
  return entry === undefined ? 0 : acceleratorMilli(entry.shape);
}
