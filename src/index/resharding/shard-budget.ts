import type { IndexManifest } from '../index-manifest.ts';
import { shardCapacity } from '../../ann/engine/memtable.ts';

/** So many vectors a shard may have before it is split: at most half of what it takes, which leaves room for what comes meanwhile. */
export const shardBudget = ({ shardVectorsMax = Infinity, dimensions }: Pick<IndexManifest, 'shardVectorsMax' | 'dimensions'>): number =>
  Math.min(shardVectorsMax, Math.floor(shardCapacity({ dimensions }) / 2));
