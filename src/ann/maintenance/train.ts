import { RECALL_TARGET_DEFAULT } from '../../contract/indexes/index-settings.ts';
import type { MemoryHolder } from '../../kernel/memory-registry.ts';
import { encodeSettings, newSettings } from '../engine/list-settings.ts';
import { checksum } from '../lists/integrity.ts';
import { encodeListModel } from '../lists/list-model.ts';
import type { ShardIdentity } from '../shard-protocol.ts';
import type { TrainedLists } from '../training/build-artefact.ts';
import type { TrainingOptions } from '../training/training-state.ts';
import { subspaceDimensionsFor } from '../training/training-state.ts';
import { Training, trainingBytes } from '../training/training.ts';
import type { Row } from '../stored-vector.ts';
import type { Task } from './background-work.ts';
import { inSlices } from './background-work.ts';
import type { MaintainedShard, MaintenanceResources } from './maintained-shard.ts';

/** A training in progress, as it outlives the memory of its object. */
interface TrainingCheckpoint {
  /** Vectors in the shard when it began. */
  readonly count: number;
  readonly listCount: number;
  /** The rows of the sample, ascending, below 2^32. */
  readonly rows: readonly Row[];
  /** See `Training.checkpoint`; empty at the start. */
  readonly progress: Uint8Array;
}

// Little-endian u32: layout, checksum of all behind it, count, list count, number of rows, rows; then the progress.
const LAYOUT = 2;
const HEADER_WORDS = 5;

export function encodeTrainingCheckpoint({ count, listCount, rows, progress }: TrainingCheckpoint): Uint8Array {
  const words = [LAYOUT, 0, count, listCount, rows.length, ...rows];
  const bytes = new Uint8Array(4 * words.length + progress.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  bytes.set(progress, 4 * words.length);
  view.setUint32(4, checksum(bytes.subarray(8)), true);
  return bytes;
}

/** Undefined when the bytes are of another layout, or not what was written: then training starts again. */
export function decodeTrainingCheckpoint(bytes: Uint8Array): TrainingCheckpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number): number => view.getUint32(4 * i, true);
  if (bytes.length < 4 * HEADER_WORDS || word(0) !== LAYOUT || word(1) !== checksum(bytes.subarray(8))) return undefined;
  const rows = Array.from({ length: word(4) }, (_, i) => word(HEADER_WORDS + i));
  return { count: word(2), listCount: word(3), rows, progress: bytes.subarray(4 * (HEADER_WORDS + rows.length)) };
}

const SEED = 1;
const SAMPLE_BYTES_MAX = 16 * 1024 * 1024;
const SAMPLE_VECTORS_PER_LIST = 64;
// Beyond it, int8 codes do not separate the closest.
const LOW_PLANE_RECALL = 0.97;
const STEPS_PER_SLICE = 3;

/** The isolate's memory for a training: losing it ends the training, which continues later from its checkpoint. */
class TrainingRoom implements MemoryHolder {
  training: Training | undefined;

  evict(): number {
    this.training?.free();
    this.training = undefined;
    return Infinity;
  }
}

/** Trains a list set on a sample of the shard's vectors and creates it, without entries. */
export function* train(shard: MaintainedShard, { memory, train: kernels }: MaintenanceResources, name: string): Task {
  const { store, identity } = shard;
  const started = resumed(shard) ?? begun(shard);
  const sample = yield* readSample(shard, started.rows);
  const isResumed = started.progress.length > 0;
  // Without all of its sample a training would continue differently: it starts again. One that has only started leaves out what was
  // deleted.
  const isLost = isResumed && sample.rows.length < started.rows.length;
  if (isLost || sample.rows.length === 0) return store.lists.saveCheckpoint(null);
  const room = new TrainingRoom();
  const options = optionsFor(identity, started.listCount);
  const bytes = trainingBytes(options) + sample.values.byteLength;
  try {
    memory.claim(name, room, bytes);
    room.training = isResumed
      ? Training.resume(kernels, options, sample.values, started.progress)
      : Training.start(kernels, options, sample.values);
    for (let slice = 1; !advance(room.training, shard.pace.sliceShare); slice += 1) {
      if (slice % shard.sizes.checkpointSlices === 0) {
        const { count, listCount } = started;
        const progress = room.training.checkpoint();
        store.lists.saveCheckpoint(encodeTrainingCheckpoint({ count, listCount, rows: sample.rows, progress }));
      }
      yield;
      if (room.training === undefined) return;
      // Used now: others give way first.
      memory.claim(name, room, bytes);
    }
    createLists(shard, started.count, room.training.result());
  } finally {
    room.evict();
    memory.release(name, room);
  }
}

function resumed({ store }: MaintainedShard): TrainingCheckpoint | undefined {
  const bytes = store.lists.checkpoint();
  return bytes === undefined ? undefined : decodeTrainingCheckpoint(bytes);
}

/** What a training of the shard's vectors begins with, wherever it is done. */
export function begun({ store, identity, sizes }: MaintainedShard): TrainingCheckpoint {
  const count = store.vectorRows().size;
  const listCount = Math.max(1, Math.round(count / sizes.entries));
  const sampleCount = Math.min(SAMPLE_VECTORS_PER_LIST * listCount, Math.floor(SAMPLE_BYTES_MAX / (4 * identity.dimensions)));
  return { count, listCount, rows: store.sampleRows(sampleCount, SEED), progress: new Uint8Array() };
}

interface Sample {
  readonly rows: readonly Row[];
  /** [rows x dimensions] */
  readonly values: Float32Array;
}

/** The rows that still exist. */
function* readSample({ store, identity, pace }: MaintainedShard, rows: readonly Row[]): Generator<undefined, Sample> {
  const { dimensions } = identity;
  const values = new Float32Array(rows.length * dimensions);
  const found: Row[] = [];
  for (const slice of inSlices(rows, dimensions, pace)) {
    // In the order of their rows, so that the sample is the same whenever it is read.
    for (const vector of [...store.readRows(slice, identity)].sort((a, b) => a.row - b.row)) {
      values.set(vector.values, dimensions * found.length);
      found.push(vector.row);
    }
    yield;
  }
  return { rows: found, values: values.subarray(0, dimensions * found.length) };
}

export const optionsFor = ({ metric, dimensions, recall }: ShardIdentity, listCount: number): TrainingOptions => ({
  metric,
  dimensions,
  listCount,
  seed: SEED,
  hasLowPlane: (recall ?? RECALL_TARGET_DEFAULT) > LOW_PLANE_RECALL,
  subspaceDimensions: subspaceDimensionsFor(dimensions),
});

/** Some steps; true once there are none left. */
function advance(training: Training, share: number): boolean {
  for (let step = 0; step < Math.max(1, share * STEPS_PER_SLICE); step += 1) if (training.step()) return true;
  return false;
}

/** Makes a list set, without entries, of what a training of so many vectors came to. */
export function createLists({ store, lists }: MaintainedShard, count: number, { model, centroids }: TrainedLists): void {
  store.atomically(() => {
    const id = store.lists.createListSet(encodeListModel(model), encodeSettings(newSettings(count)));
    const empty = centroids.map((centroid, list) => ({ list, centroid, entryCount: 0 }));
    store.lists.change(id, { lists: empty, removed: [], blocks: [], listed: [] });
    store.lists.saveCheckpoint(null);
  });
  lists.drop();
}
