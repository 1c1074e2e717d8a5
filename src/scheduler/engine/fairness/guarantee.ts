import type { JobId } from '../../../kernel/ids.ts';
import type { CohortNode } from './cohort-node.ts';
import { byRank } from './holder.ts';
import type { Holder } from './holder.ts';

/**
 * By job that a cohort's quota covers, and not its own queue's, how far up the tree that is: the height of the lowest such cohort. A quota covers its
 * holders by rank, each whole or not at all, so what a holder of lower rank does never changes the standing of one of higher rank, and jobs that
 * a quota does not cover can go without any other losing its cover.
 */
export type Cover = ReadonlyMap<JobId, number>;

interface Covered {
  /** Those not covered up to here, by rank. */
  readonly open: readonly Holder[];
  /** By resource, what covered holders take of this node's subtree quota. */
  readonly used: ReadonlyMap<string, number>;
}

/** The jobs that the quotas of `node` and of the cohorts below cover. `coveredIn` returns those of a queue's quota. */
export function coverOf(node: CohortNode, coveredIn: (queue: CohortNode) => Covered): Cover {
  const covered = new Map<JobId, number>();
  const cover = (member: CohortNode): Covered => {
    if (member.spec.eviction !== null) return coveredIn(member);
    const below = member.children.map((child) => ({ child, ...cover(child) }));
    const used = new Map<string, number>();
    for (const { child, used: usedThere } of below) {
      for (const [resource, quantity] of usedThere) {
        const beyond = Math.max(0, quantity - (child.accounts.get(resource)?.kept ?? 0));
        used.set(resource, (used.get(resource) ?? 0) + beyond);
      }
    }
    const open: Holder[] = [];
    for (const holder of below.flatMap((child) => child.open).toSorted(byRank)) {
      if (covers(member, used, holder)) covered.set(holder.jobId, member.height);
      else open.push(holder);
    }
    return { open, used };
  };
  cover(node);
  return covered;
}

/** Takes a holder under the quota of a node if it fits there whole. */
function covers(node: CohortNode, used: Map<string, number>, { bundle }: Holder): boolean {
  const fits = bundle.every(({ resource, quantity }) => {
    const account = node.accounts.get(resource);
    return account === undefined || (used.get(resource) ?? 0) + quantity <= account.subtree;
  });
  if (fits) for (const { resource, quantity } of bundle) used.set(resource, (used.get(resource) ?? 0) + quantity);
  return fits;
}
