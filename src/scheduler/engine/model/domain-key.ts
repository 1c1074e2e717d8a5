import type { NodeSpec } from './node-spec.ts';
import type { TopologyRequest } from './resource-option.ts';

/** What nodes have in common of which `count` may be chosen together: their domain, and for a block their ordinal in it. */
export function domainKey({ domains, ordinal }: NodeSpec, { level, block }: TopologyRequest, count: number): string | undefined {
  const domain = domains[level];
  return domain === undefined || !block ? domain : `${domain} ${Math.floor(ordinal / count)}`;
}
