import type { ClusterState } from '../model/cluster-state.ts';
import type { TopologyRequest } from '../model/job-spec.ts';
import type { NodeSpec } from '../model/pool-spec.ts';

/** What nodes have in common of which `count` may be chosen together: their domain, and for a block their ordinal in it. */
export function domainKey({ domains, ordinal }: NodeSpec, { level, block }: TopologyRequest, count: number): string | undefined {
  const domain = domains[level];
  return domain === undefined || !block ? domain : `${domain} ${Math.floor(ordinal / count)}`;
}

/** The nodes given by domain. For a block of `count` nodes, by the blocks of their domain. Nodes outside any domain are left out. */
export function nodesByDomain(
  cluster: ClusterState,
  nodes: readonly number[],
  topology: TopologyRequest,
  count: number,
): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const node of nodes) {
    const key = domainKey(cluster.spec(node), topology, count);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  return groups;
}

/**
 * Of the nodes given, those of one domain that has at least `count`: the domain with the fewest, so that large ones stay whole for jobs
 * that need them. For a block, exactly `count` neighbours. Undefined when no domain has as many.
 */
export function domainNodes(
  cluster: ClusterState,
  nodes: readonly number[],
  topology: TopologyRequest,
  count: number,
): readonly number[] | undefined {
  let tightest: { readonly key: string; readonly group: readonly number[] } | undefined;
  for (const [key, group] of nodesByDomain(cluster, nodes, topology, count)) {
    if (group.length < count) continue;
    const difference = group.length - (tightest?.group.length ?? Infinity);
    if (tightest === undefined || difference < 0 || (difference === 0 && key < tightest.key)) tightest = { key, group };
  }
  return tightest?.group;
}
