import { amountOf } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import { rootOf } from './cohort-node.ts';
import type { CohortNode } from './cohort-node.ts';

const PARTS = 1_000_000;

/**
 * The largest part of any resource of the tree that a member holds, in millionths, divided by its weight: dominant resource fairness.
 * With `more`, what it would be after taking that.
 */
export function dominantSharePpm(node: CohortNode, more: Bundle = []): number {
  const root = rootOf(node);
  let share = 0;
  for (const [resource, { held }] of node.accounts) share = Math.max(share, part(root, resource, held + amountOf(more, resource)));
  for (const { resource, quantity } of more) if (!node.accounts.has(resource)) share = Math.max(share, part(root, resource, quantity));
  return Math.floor((share * 1000) / node.spec.weightMilli);
}

/** The dominant share that a member would have if it held just these quantities. */
export function shareOfPpm(node: CohortNode, held: ReadonlyMap<string, number>): number {
  const root = rootOf(node);
  let share = 0;
  for (const [resource, quantity] of held) share = Math.max(share, part(root, resource, quantity));
  return Math.floor((share * 1000) / node.spec.weightMilli);
}

function part(root: CohortNode, resource: string, quantity: number): number {
  const total = root.accounts.get(resource)?.subtree ?? 0;
  return total === 0 ? 0 : Math.floor((quantity * PARTS) / total);
}
