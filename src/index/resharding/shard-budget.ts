import type { IndexManifest } from '../index-manifest.ts';
import { shardCapacity } from '../../ann/engine/memtable.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { SHARD_CENTROIDS } from './split-region.ts';

/** So many vectors a shard may have before it is split: at most half of what it takes, which leaves room for what comes meanwhile. */
export const shardBudget = ({
  shardVectorsMax = Infinity,
  ...shape
}: Pick<IndexManifest, 'shardVectorsMax' | 'dimensions' | 'fields'>): number =>
  Math.min(shardVectorsMax, Math.floor(shardCapacity(shape) / 2));

/** How many shards an index may have: its object holds all of their regions. */
export const shardsMax = ({ dimensions }: Pick<RouteTable, 'dimensions'>): number =>
  Math.min(INDEX_LIMITS.shardsPerIndexMaxCount, Math.floor(INDEX_LIMITS.routeTableBytesMax / (SHARD_CENTROIDS * dimensions)));
