import type { PoolSpec } from './pool-spec.ts';
import type { ResourceOption } from './resource-option.ts';

/** Whether a job may run in a pool by this option, as far as market and region go. */
export const acceptsPool = ({ markets, regions }: ResourceOption, { market, region }: PoolSpec): boolean =>
  markets.includes(market) && (regions === null || regions.includes(region));
