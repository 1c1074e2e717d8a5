import type { OpenbTrace } from './openb-trace.ts';
import { acceleratorMilli } from '../../engine/placement/shape.ts';

/** Demand that arrives, as a part of what the cluster has. */
const INFLATION = 1.3;

/**
 * The order in which jobs arrive (by index of their shape): shuffled, then random ones more until they ask for 1.3 times the accelerators
 * there are, or random ones fewer while they ask for more than that. The published protocol, but for its sequence of random numbers.
 */
export function arrivals({ shapes, pods }: OpenbTrace, capacityMilli: number, chance: () => number): readonly number[] {
  const milliOf = (pod: number): number => acceleratorMilliAt(shapes, pod);
  const order = [...pods];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(chance() * (last + 1));
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  const wanted = INFLATION * capacityMilli;
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
