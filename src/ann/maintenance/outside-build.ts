import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { CorruptList, checksum } from '../lists/integrity.ts';
import type { Row } from '../stored-vector.ts';
import type { TrainedLists } from '../training/build-artefact.ts';
import { decodeBuild } from '../training/build-artefact.ts';
import type { TrainingOptions } from '../training/training-state.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { begun, createLists, optionsFor } from './train.ts';

/** What a training elsewhere begins with. */
export interface BuildPlan {
  readonly options: TrainingOptions;
  /** Vectors of the shard, and of the sample to train on. */
  readonly vectors: number;
  readonly sample: number;
}

/** A part of a sample: vectors as stored, and the place to read on from; null at its end. */
export interface SamplePart {
  readonly values: Float32Array<ArrayBuffer>;
  readonly next: number | null;
}

/** A build that is under way elsewhere, stored in the place of a training's checkpoint: the shard does not train meanwhile. */
interface OutsideBuild {
  /** The attempt that does it. */
  readonly builder: string;
  /** Without a sign of life by then it is given up. */
  readonly untilMs: number;
  readonly count: number;
  readonly listCount: number;
  readonly rows: readonly Row[];
}

// Little-endian u32: a mark, the checksum of all behind it; then JSON. Trainings begin with the number of their layout, and take another for none;
// that they have their checksum in the same place must not make a damaged or a newer one a build: the mark is no such number.
const MARK = 0x444c4942;
const HEADER_BYTES = 8;

function encode(build: OutsideBuild): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(build));
  const bytes = new Uint8Array(HEADER_BYTES + json.length);
  bytes.set(json, HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, checksum(json), true);
  return bytes;
}

function decode(bytes: Uint8Array | undefined): OutsideBuild | undefined {
  if (bytes === undefined || bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const json = bytes.subarray(HEADER_BYTES);
  if (view.getUint32(0, true) !== MARK || view.getUint32(4, true) !== checksum(json)) return undefined;
  return JSON.parse(new TextDecoder().decode(json)) as OutsideBuild;
}

/** Up to when a shard leaves its training to a build elsewhere; undefined when none is under way. */
export const builtElsewhereUntilMs = ({ store }: Pick<MaintainedShard, 'store'>): number | undefined =>
  decode(store.lists.checkpoint())?.untilMs;

/**
 * Trainings of a shard's lists that are done elsewhere, by the same code on the same sample: the shard hands out the sample, leaves its own
 * training for as long as the builder shows that it is there, and takes what comes back only if its lists are those that it began with. [V210]
 */
export class OutsideBuilds {
  readonly #shard: MaintainedShard;
  readonly #interrupt: () => void;

  /** `interrupt`: gives up what maintenance is doing. */
  constructor(shard: MaintainedShard, interrupt: () => void) {
    this.#shard = shard;
    this.#interrupt = interrupt;
  }

  /**
   * Begins a build, or goes on with one: the same plan for the same builder. Refuses with `invalid_value` a shard with too few vectors for lists,
   * and with `index_growing` one that is moving to newer lists just now.
   */
  begin(builder: string, nowMs: number): Outcome<BuildPlan> {
    const { store, identity, sizes } = this.#shard;
    const known = decode(store.lists.checkpoint());
    if (known?.builder === builder) return ok(this.#keep(known, nowMs));
    const { count, listCount, rows } = begun(this.#shard);
    const least = sizes.listedCountMin(identity.dimensions);
    if (count < least) return refuse('invalid_value', `has ${count} vectors in this shard; lists are made from ${least} on`, 'index');
    if (store.lists.listSets().length > 1) return refuse('index_growing', 'the shard is moving to newer lists; retry');
    this.#interrupt();
    return ok(this.#keep({ builder, untilMs: nowMs, count, listCount, rows }, nowMs));
  }

  /** The vectors of the sample from there on that are there still. Refuses with `state_conflict` once the build is not the builder's any more. */
  sample(builder: string, from: number, nowMs: number): Outcome<SamplePart> {
    const known = this.#known(builder);
    if (!known.ok) return known;
    this.#keep(known.value, nowMs);
    const { store, identity } = this.#shard;
    const { dimensions } = identity;
    const to = from + Math.max(1, Math.floor(INDEX_LIMITS.buildPartBytesMax / (4 * dimensions)));
    const rows = known.value.rows.slice(from, to);
    const vectors = [...store.readRows(rows, identity)].sort((a, b) => a.row - b.row);
    const values = new Float32Array(vectors.length * dimensions);
    vectors.forEach((vector, at) => values.set(vector.values, at * dimensions));
    return ok({ values, next: to < known.value.rows.length ? to : null });
  }

  /**
   * Takes what a build came to: from then on rows are put into its lists. Refuses with `state_conflict` when the lists are not those any more that
   * the build began with, and with `invalid_value` what is no such artefact.
   */
  commit(builder: string, artefact: Uint8Array): Outcome<null> {
    const known = this.#known(builder);
    if (!known.ok) return known;
    const trained = this.#read(artefact, known.value);
    if (!trained.ok) return trained;
    this.#interrupt();
    createLists(this.#shard, known.value.count, trained.value);
    return ok(null);
  }

  /** Whatever replaces or drops the lists takes the place of the build, too. */
  #known(builder: string): Outcome<OutsideBuild> {
    const known = decode(this.#shard.store.lists.checkpoint());
    return known?.builder === builder
      ? ok(known)
      : refuse('state_conflict', 'the lists of the shard are not those any more that the build began with');
  }

  #keep(build: OutsideBuild, nowMs: number): BuildPlan {
    const { store, identity } = this.#shard;
    store.lists.saveCheckpoint(encode({ ...build, untilMs: nowMs + INDEX_LIMITS.buildHoldMs }));
    return { options: optionsFor(identity, build.listCount), vectors: build.count, sample: build.rows.length };
  }

  #read(artefact: Uint8Array, { listCount }: OutsideBuild): Outcome<TrainedLists> {
    const wanted = optionsFor(this.#shard.identity, listCount);
    try {
      const trained = decodeBuild(artefact);
      const { metric, dimensions, subspaceDimensions, hasLowPlane } = trained.model;
      const isFit =
        metric === wanted.metric &&
        dimensions === wanted.dimensions &&
        subspaceDimensions === wanted.subspaceDimensions &&
        hasLowPlane === wanted.hasLowPlane &&
        trained.centroids.length === listCount;
      return isFit ? ok(trained) : refuse('invalid_value', 'the artefact is not of the plan of this build');
    } catch (defect) {
      if (!(defect instanceof CorruptList)) throw defect;
      return refuse('invalid_value', 'the artefact is damaged');
    }
  }
}
