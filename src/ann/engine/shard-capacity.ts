import { LIMITS } from '../../contract/limits.ts';
import { flatEngineCapacity } from '../flat-engine.ts';
import type { ShardIdentity } from '../shard-protocol.ts';

/** How many vectors a shard takes: as many as fit its memory before they are listed, which is when they take the most. */
export const shardCapacity = ({ dimensions }: Pick<ShardIdentity, 'dimensions'>): number =>
  flatEngineCapacity(LIMITS.shardEngineBytesMax, dimensions);
