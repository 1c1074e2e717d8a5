import type { NodeSpec } from './node-spec.ts';
import type { TopologyRequest } from './resource-option.ts';

/** What nodes that `count` of them may be chosen from have in common: their domain, and for a block their place in it. */
export function domainKey({ domains, ordinal }: NodeSpec, { level, block }: TopologyRequest, count: number): string | undefined {
  const domain = domains[level];
  return domain === undefined || !block ? domain : `${domain} ${Math.floor(ordinal / count)}`;
}
