import { LIMITS } from '../../contract/limits.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { SHARD_CENTROIDS } from './split-region.ts';

/** How many shards an index may have: its object holds all of their regions. */
export const shardsMax = ({ dimensions }: Pick<RouteTable, 'dimensions'>): number =>
  Math.min(LIMITS.shardsPerIndexMaxCount, Math.floor(LIMITS.routeTableBytesMax / (SHARD_CENTROIDS * dimensions)));
