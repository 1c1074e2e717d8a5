import { must } from '../../../kernel/assert.ts';
import { ClusterState } from '../../engine/model/cluster-state.ts';
import { acceleratorMilli } from '../../engine/placement/shape.ts';
import { capacityMilli } from '../capacity-milli.ts';
import type { OpenbTrace } from './openb-trace.ts';
import type { OpenbPolicy } from './policies.ts';

/** Share of the accelerators, in percent, that is allocated once so much has arrived. */
export interface AllocationPoint {
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
