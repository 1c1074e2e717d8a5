import type { CohortNode } from './cohort-node.ts';

/** The queues of a tree, in the order of its cohorts. */
export function queuesBelow(node: CohortNode): readonly CohortNode[] {
  return node.spec.eviction === null ? node.children.flatMap(queuesBelow) : [node];
}
