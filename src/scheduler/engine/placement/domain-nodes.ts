import type { ClusterState } from '../model/cluster-state.ts';
import { domainKey } from '../model/domain-key.ts';
import type { TopologyRequest } from '../model/resource-option.ts';

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
  const groups = new Map<string, number[]>();
  for (const node of nodes) {
    const key = domainKey(cluster.spec(node), topology, count);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  let tightest: { readonly key: string; readonly group: readonly number[] } | undefined;
  for (const [key, group] of groups) {
    if (group.length < count) continue;
    const difference = group.length - (tightest?.group.length ?? Infinity);
    if (tightest === undefined || difference < 0 || (difference === 0 && key < tightest.key)) tightest = { key, group };
  }
  return tightest?.group;
}
