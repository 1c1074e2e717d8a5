import type { MemoryRegistry } from '../../kernel/memory-registry.ts';
import type { Memtable } from '../engine/memtable.ts';
import type { ShardLists } from '../engine/shard-lists.ts';
import type { ShardIdentity } from '../shard-protocol.ts';
import type { TrainKernels } from '../training/train-kernels.ts';
import type { Pace, TrainingTurn } from './background-work.ts';
import type { MaintenanceSizes } from './next-task.ts';
import type { VectorStore } from '../store/vector-store.ts';

/** What the background work of all shards of an isolate shares. */
export interface MaintenanceResources {
  readonly memory: MemoryRegistry;
  readonly train: TrainKernels;
  readonly turn: TrainingTurn;
  readonly pace: Pace;
}

/** What the background work of a shard works on. */
export interface MaintainedShard {
  readonly identity: ShardIdentity;
  readonly sizes: MaintenanceSizes;
  /** How much a slice does. */
  readonly pace: Pick<Pace, 'sliceShare' | 'sliceVectors'>;
  readonly store: VectorStore;
  readonly lists: ShardLists;
  readonly memtable: Memtable;
}

/** Changes lists in memory and in storage, or neither: memory that may be ahead of storage is let go of. */
export function changeLists({ store, lists }: MaintainedShard, change: () => void): void {
  try {
    store.atomically(change);
  } catch (defect) {
    lists.drop();
    throw defect;
  }
  lists.stored();
}
