import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../../contract/api/shared-work.ts';
import { err, ok } from '../../kernel/result.ts';
import type { MemoryHolder } from '../../kernel/memory-registry.ts';
import { MemoryRegistry } from '../../kernel/memory-registry.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { LoadOnceParts } from '../load-once.ts';
import type { StartGraph } from '../graph-runner.ts';
import type { MatchedEncoder } from '../encoder/graph/matched-encoder.ts';
import type { InspectedModel, LoadParts } from './load-model.ts';
import { inspectModel, isReadDetached, startModel } from './load-model.ts';
import { checkLoadRoom } from './load-room.ts';
import type { LoadedModel } from './loaded-model.ts';
import { PLATFORM } from '../registry/version-manifest.ts';
import { EDGE_ROOM } from './model-room.ts';
import { memoryBytesOf, tokeniserMemoryBytes, weightBytesOf } from './model-size.ts';
import { RunCeilings } from './run-ceilings.ts';
import type { ModelRef } from '../served-manifest.ts';
import { encoderMemoryBytes } from './start-encoder.ts';

export interface ModelHostParts extends LoadOnceParts, LoadParts {}

/** What a call does with a model: texts, or tensors, which the runtime takes also of a model whose texts the encoder engine computes. */
type ModelForm = 'texts' | 'graph';

/**
 * The registered models of one isolate, loaded when first used: as many as `loadedModelsBytesMax` holds of those that the runtime computes, and
 * `loadedEncodersBytesMax` of those of the encoder engine; the least recently used makes room. Loads run one at a time, since each has bytes of its files
 * in memory meanwhile. [M80] [M81]
 */
export class LoadedModels {
  readonly #parts: ModelHostParts;
  readonly #memory: MemoryRegistry;
  readonly #encoderMemory: MemoryRegistry;
  readonly #models = new Map<string, ModelHolder>();
  readonly #refused = new Map<string, { readonly outcome: Outcome<never>; readonly untilMs: number }>();
  readonly #loads: SharedWork<undefined>;
  readonly #ceilings: RunCeilings;
  /** Encoders that made room, and may be in use still. */
  #leaving: ModelHolder[] = [];

  constructor(parts: ModelHostParts) {
    this.#parts = parts;
    const { modelsBytesMax, encodersBytesMax } = parts.room ?? EDGE_ROOM;
    this.#memory = new MemoryRegistry(modelsBytesMax);
    this.#encoderMemory = new MemoryRegistry(encodersBytesMax);
    this.#ceilings = new RunCeilings(parts.clock);
    this.#loads = new SharedWork({ ...parts, bounds: SHARED_WORK_BOUNDS });
  }

  get bytes(): number {
    return this.#memory.bytes + this.#encoderMemory.bytes;
  }

  /** Does work with a model, which stays loaded until the work is done. The manifest has been checked. */
  async use<T>(ref: ModelRef, work: (model: LoadedModel) => Promise<Outcome<T>>, form: ModelForm = 'texts'): Promise<Outcome<T>> {
    const name = `${ref.owner}/${ref.manifest.contractHash}`;
    const budget = this.#loads.waitBudget();
    let tries = 0;
    for (;;) {
      const key = this.#keyOf(name, form);
      const holder = this.#models.get(key);
      if (holder?.isLost === true) {
        holder.evict();
        holder.registry.release(key, holder);
        continue;
      }
      if (holder !== undefined) {
        holder.registry.claim(key, holder, holder.bytes);
        holder.note(this.#parts.clock.nowMs());
        const answer = await holder.use(work);
        // Another run took its memory before this one began. It is loaded again, as often as there are such runs.
        if (answer.ok || answer.error.code !== 'unavailable' || !holder.isLost || (tries += 1) > RELOADS_MAX) return answer;
        continue;
      }
      const refused = this.#refused.get(key);
      if (refused !== undefined && this.#parts.clock.nowMs() < refused.untilMs) return refused.outcome;
      const waited = await this.#loads.run('', () => this.#load(name, form, ref), budget);
      if (!waited.ok) return err(sharedRefusal(waited.error, 'the model, behind the loading of others,'));
    }
  }

  /** A session of the runtime takes tensors and texts; a model that the engine has loaded takes texts alone. */
  #keyOf(name: string, form: ModelForm): string {
    const known = this.#models.get(name)?.model;
    const isSession = known !== undefined && known.encoderBytes === undefined;
    return form === 'texts' || isSession ? name : `${name}${GRAPH_FORM}`;
  }

  async #load(name: string, form: ModelForm, ref: ModelRef): Promise<undefined> {
    const key = this.#keyOf(name, form);
    // Another call has loaded it meanwhile.
    if (this.#models.has(key)) return undefined;
    const loaded = await this.#read(name, form, ref);
    if (loaded.ok) this.#refused.delete(key);
    else {
      for (const old of [...this.#refused.keys()].slice(0, this.#refused.size - REFUSALS_MAX)) this.#refused.delete(old);
      // A load that finds no room costs the other models their sessions.
      const pauseMs = loaded.error.limit?.name === 'runtimeBytesMax' ? MODEL_LIMITS.runCeilingMs : this.#parts.retryMs;
      this.#refused.set(key, { outcome: loaded, untilMs: this.#parts.clock.nowMs() + pauseMs });
    }
    return undefined;
  }

  async #read(name: string, form: ModelForm, ref: ModelRef): Promise<Outcome<LoadedModel>> {
    const { bucket, startEncoder, loadRoomBytes } = this.#parts;
    const room = isReadDetached(ref, { bucket, startEncoder }) ? ok(undefined) : checkLoadRoom(weightBytesOf(ref), loadRoomBytes);
    if (!room.ok) return room;
    const inspected = await inspectModel(ref, this.#parts);
    if (!inspected.ok) return inspected;
    if (inspected.value.encoder === undefined) return this.#startSession(name, ref, inspected.value);
    return form === 'graph'
      ? this.#startSession(`${name}${GRAPH_FORM}`, ref, inspected.value)
      : this.#startEncoder(name, ref, inspected.value, inspected.value.encoder);
  }

  /** Where the runtime has no room although the sizes allow it, its memory is in pieces: without other models it is whole again. */
  async #startSession(key: string, ref: ModelRef, inspected: InspectedModel): Promise<Outcome<LoadedModel>> {
    const room = checkLoadRoom(weightBytesOf(ref), this.#parts.loadRoomBytes);
    if (!room.ok) return room;
    // A large one may take all; whether it fits the runtime's memory is then seen.
    const bytes = Math.min(memoryBytesOf(ref), this.#memory.bytesMax);
    const parts = { ...this.#parts, start: this.#startBelow(ref) };
    const place = this.#placeOf(key, this.#memory, bytes);
    this.#leaveRoom(key, place, weightBytesOf(ref) + bytes);
    return this.#keep(key, place, async () => {
      const loaded = await startModel(ref, inspected, parts, 'graph');
      if (loaded.ok || loaded.error.limit?.name !== 'runtimeBytesMax' || this.#models.size === 0) return loaded;
      this.#memory.claim(key, place, this.#memory.bytesMax);
      this.#memory.claim(key, place, place.bytes);
      return startModel(ref, inspected, parts, 'graph');
    });
  }

  /** Memories of encoders lie beside that of the runtime, which never shrinks: they have what it has left. */
  async #startEncoder(key: string, ref: ModelRef, inspected: InspectedModel, encoder: MatchedEncoder): Promise<Outcome<LoadedModel>> {
    const bytes = encoderMemoryBytes(encoder, ref.manifest.tokensMax) + tokeniserMemoryBytes(ref);
    const roomBytes = Math.min(this.#encoderMemory.bytesMax, this.#parts.loadRoomBytes?.() ?? Infinity);
    const room = checkLoadRoom(bytes, () => roomBytes);
    if (!room.ok) return room;
    const place = this.#placeOf(key, this.#encoderMemory, bytes);
    this.#leaveRoom(key, place, bytes);
    this.#encoderMemory.claim(key, place, bytes);
    return this.#keep(key, place, async () =>
      (await this.#hasLeft(roomBytes - this.#encoderMemory.bytes))
        ? startModel(ref, inspected, { ...this.#parts, onStep: () => place.note(this.#parts.clock.nowMs()) }, 'texts')
        : refuse('unavailable', 'other models are still in use where it would be loaded: try again', 'model'),
    );
  }

  /** Waits until calls of encoders that made room have ended, but for so many bytes of them. */
  async #hasLeft(bytes: number): Promise<boolean> {
    const { clock, timer } = this.#parts;
    const untilMs = clock.nowMs() + MODEL_LIMITS.encoderLeaveMs;
    for (;;) {
      this.#leaving = this.#leaving.filter((holder) => holder.isInUse(clock.nowMs()));
      if (this.#leaving.reduce((sum, holder) => sum + holder.bytes, 0) <= bytes) return true;
      if (clock.nowMs() >= untilMs) return false;
      await new Promise<void>((resolve) => void timer.after(LEAVING_LOOK_MS, resolve));
    }
  }

  /** Evicts encoders until so many bytes are left of what the isolate has beside the runtime's memory. */
  #leaveRoom(key: string, place: ModelHolder, bytes: number): void {
    const taken = this.#encoderMemory.bytesMax - (this.#parts.loadRoomBytes?.() ?? Infinity);
    this.#encoderMemory.claim(key, place, Math.max(0, Math.min(this.#encoderMemory.bytesMax, bytes + taken)));
    this.#encoderMemory.release(key, place);
  }

  /** Room is made first: the runtime's memory never shrinks, so what others leave in it is used again. */
  #placeOf(key: string, registry: MemoryRegistry, bytes: number): ModelHolder {
    const place = new ModelHolder(bytes, registry, () => {
      this.#models.delete(key);
      if (registry === this.#encoderMemory) this.#leaving.push(place);
    });
    for (const [other, holder] of [...this.#models].slice(0, Math.max(0, this.#models.size - MODEL_LIMITS.loadedModelsMaxCount + 1))) {
      holder.evict();
      holder.registry.release(other, holder);
    }
    registry.claim(key, place, bytes);
    return place;
  }

  async #keep(key: string, place: ModelHolder, load: () => Promise<Outcome<LoadedModel>>): Promise<Outcome<LoadedModel>> {
    this.#holdBack();
    let loaded: Outcome<LoadedModel> | undefined;
    try {
      loaded = await load();
    } finally {
      if (loaded?.ok !== true) place.registry.release(key, place);
      this.#holdBack();
    }
    if (!loaded.ok) return loaded;
    place.model = loaded.value;
    this.#models.set(key, place);
    return loaded;
  }

  /** The runtime's memory does not grow into that of encoders. */
  #holdBack(): void {
    this.#parts.holdBack?.(this.#encoderMemory.bytes);
  }

  /** Runs of a tenant's models have one ceiling; those of the platform, which all tenants call, one for each model. */
  #startBelow({ owner, manifest }: ModelRef): StartGraph {
    return async (files) => {
      const runner = await this.#parts.start(files);
      return runner.ok ? ok(this.#ceilings.below(owner === PLATFORM ? manifest.contractHash : owner, runner.value)) : runner;
    };
  }
}

/** What stands behind the name of a model that is loaded as a graph, beside the engine that computes its texts. */
const GRAPH_FORM = ' (graph)';

/** How often a load looks whether calls of others have ended. */
const LEAVING_LOOK_MS = 5;

/** So often one call loads a model again whose memory other runs took. */
const RELOADS_MAX = 3;

/** Refusals that are remembered for `modelRetryMs`, so that a crowd does not repeat a load that has just failed. */
const REFUSALS_MAX = 1_000;

/** A loaded model, and how many calls use it now. One that is evicted meanwhile is released behind the last of them. [M81] */
class ModelHolder implements MemoryHolder {
  readonly bytes: number;
  readonly registry: MemoryRegistry;
  model: LoadedModel | undefined;
  readonly #forget: () => void;
  #users = 0;
  #activeAtMs = -Infinity;
  #isEvicted = false;

  constructor(bytes: number, registry: MemoryRegistry, forget: () => void) {
    this.bytes = bytes;
    this.registry = registry;
    this.#forget = forget;
  }

  /** Notes that a call of it goes on. */
  note(nowMs: number): void {
    this.#activeAtMs = nowMs;
  }

  /** A call that was ended midway never leaves, and takes no further step. */
  isInUse(nowMs: number): boolean {
    return this.#users > 0 && nowMs - this.#activeAtMs < MODEL_LIMITS.encoderQuietMs;
  }

  get isLost(): boolean {
    return this.model?.runner.isLost === true;
  }

  async use<T>(work: (model: LoadedModel) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    this.#users += 1;
    try {
      return await work(this.model!);
    } finally {
      this.#users -= 1;
      this.#releaseUnused();
    }
  }

  evict(): number {
    this.#isEvicted = true;
    this.#forget();
    this.#releaseUnused();
    return Infinity;
  }

  #releaseUnused(): void {
    if (!this.#isEvicted || this.#users > 0 || this.model === undefined) return;
    // The runtime releases a session at once; nothing waits for it, and a failure leaves nothing to do.
    void this.model.runner.release().catch(() => undefined);
    this.model = undefined;
  }
}
