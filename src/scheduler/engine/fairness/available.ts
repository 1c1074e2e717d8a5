import type { CohortNode } from './cohort-node.ts';

/**
 * How much more of a resource a member may take: of its own, of its cohort as far as its borrowing limit allows, and so on upwards.
 * Negative when more is in use than there is, as after a quota was cut.
 */
export function available(node: CohortNode, resource: string): number {
  const account = node.accounts.get(resource);
  if (account === undefined) return Infinity;
  const { subtree, kept, used, borrowingMax } = account;
  if (node.parent === null) return subtree - used;
  const own = Math.max(0, kept - used);
  const shared = subtree - kept - Math.max(0, used - kept);
  return own + Math.min(available(node.parent, resource), shared + borrowingMax);
}

/** The most a member could ever take, if it were alone. */
export function ceiling(node: CohortNode, resource: string): number {
  const account = node.accounts.get(resource);
  if (account === undefined) return Infinity;
  const { subtree, kept, borrowingMax } = account;
  return node.parent === null ? subtree : kept + Math.min(ceiling(node.parent, resource), subtree - kept + borrowingMax);
}
