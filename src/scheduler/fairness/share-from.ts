import type { Amount, Bundle } from './bundle.ts';
import { rootOf } from './cohort-node.ts';
import type { CohortNode } from './cohort-node.ts';
import { bundleSharePpm } from './dominant-share.ts';
import type { Holder } from './holder.ts';

/** A queue's dominant share by its jobs of a priority and above alone, and `more`, divided by its weight. */
export function sharePpmFrom(queue: CohortNode, holders: readonly Holder[], priority: number, more: Bundle = []): number {
  const sums = new Map<string, number>();
  const add = ({ resource, quantity }: Amount): unknown => sums.set(resource, (sums.get(resource) ?? 0) + quantity);
  more.forEach(add);
  for (const holder of holders) if (holder.priority >= priority) holder.bundle.forEach(add);
  const bundle = [...sums].map(([resource, quantity]) => ({ resource, quantity }));
  return Math.floor((bundleSharePpm(rootOf(queue), bundle) * 1000) / queue.spec.weightMilli);
}
