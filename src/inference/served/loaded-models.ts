import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../../contract/api/shared-work.ts';
import { err, ok } from '../../kernel/result.ts';
import type { MemoryHolder } from '../../kernel/memory-registry.ts';
import { MemoryRegistry } from '../../kernel/memory-registry.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { LoadOnceParts } from '../load-once.ts';
import type { StartGraph } from '../graph-runner.ts';
import type { LoadedModel, LoadParts } from './load-model.ts';
import { loadModel } from './load-model.ts';
import { PLATFORM } from '../registry/version-manifest.ts';
import { EDGE_ROOM } from './model-room.ts';
import { memoryBytesOf } from './model-size.ts';
import { RunCeilings } from './run-ceilings.ts';
import type { ModelRef } from '../served-manifest.ts';

export interface ModelHostParts extends LoadOnceParts, LoadParts {}

/**
 * The registered models of one isolate, loaded when first used: as many as `loadedModelsBytesMax` holds, the least recently used of which
 * makes room. Loads run one at a time, since each has the bytes of its files in memory meanwhile. [M80] [M81]
 */
export class LoadedModels {
  readonly #parts: ModelHostParts;
  readonly #memory: MemoryRegistry;
  readonly #models = new Map<string, ModelHolder>();
  readonly #refused = new Map<string, { readonly outcome: Outcome<never>; readonly untilMs: number }>();
  readonly #loads: SharedWork<undefined>;
  readonly #ceilings: RunCeilings;

  constructor(parts: ModelHostParts) {
    this.#parts = parts;
    this.#memory = new MemoryRegistry((parts.room ?? EDGE_ROOM).modelsBytesMax);
    this.#ceilings = new RunCeilings(parts.clock);
    this.#loads = new SharedWork({ ...parts, bounds: SHARED_WORK_BOUNDS });
  }

  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Does work with a model, which stays loaded until the work is done. The manifest has been checked. */
  async use<T>(ref: ModelRef, work: (model: LoadedModel) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const key = `${ref.owner}/${ref.manifest.contractHash}`;
    const budget = this.#loads.waitBudget();
    let tries = 0;
    for (;;) {
      const holder = this.#models.get(key);
      if (holder?.isLost === true) {
        holder.evict();
        this.#memory.release(key, holder);
        continue;
      }
      if (holder !== undefined) {
        this.#memory.claim(key, holder, holder.bytes);
        const answer = await holder.use(work);
        // Another run took its memory before this one began. It is loaded again, as often as there are such runs.
        if (answer.ok || answer.error.code !== 'unavailable' || !holder.isLost || (tries += 1) > RELOADS_MAX) return answer;
        continue;
      }
      const refused = this.#refused.get(key);
      if (refused !== undefined && this.#parts.clock.nowMs() < refused.untilMs) return refused.outcome;
      const waited = await this.#loads.run('', () => this.#load(key, ref), budget);
      if (!waited.ok) return err(sharedRefusal(waited.error, 'the model, behind the loading of others,'));
    }
  }

  async #load(key: string, ref: ModelRef): Promise<undefined> {
    // A large one may take all; whether it fits the runtime's memory is then seen.
    const bytes = Math.min(memoryBytesOf(ref), this.#memory.bytesMax);
    // Room is made first: the runtime's memory never shrinks, so what others leave in it is used again.
    const place = new ModelHolder(bytes, () => this.#models.delete(key));
    for (const other of [...this.#models.keys()].slice(0, Math.max(0, this.#models.size - MODEL_LIMITS.loadedModelsMaxCount + 1)))
      this.#models.get(other)?.evict();
    this.#memory.claim(key, place, bytes);
    const loaded = await this.#read(key, place, ref).catch((error: unknown) => {
      this.#memory.release(key, place);
      throw error;
    });
    if (loaded.ok) {
      place.model = loaded.value;
      this.#models.set(key, place);
      this.#refused.delete(key);
    } else {
      this.#memory.release(key, place);
      for (const old of [...this.#refused.keys()].slice(0, this.#refused.size - REFUSALS_MAX)) this.#refused.delete(old);
      // A load that finds no room costs the other models their sessions.
      const pauseMs = loaded.error.limit?.name === 'runtimeBytesMax' ? MODEL_LIMITS.runCeilingMs : this.#parts.retryMs;
      this.#refused.set(key, { outcome: loaded, untilMs: this.#parts.clock.nowMs() + pauseMs });
    }
    return undefined;
  }

  /** Where the runtime has no room although the sizes allow it, its memory is in pieces: without other models it is whole again. */
  async #read(key: string, place: ModelHolder, ref: ModelRef): Promise<Outcome<LoadedModel>> {
    const parts = { ...this.#parts, start: this.#startBelow(ref) };
    const loaded = await loadModel(ref, parts);
    if (loaded.ok || loaded.error.limit?.name !== 'runtimeBytesMax' || this.#models.size === 0) return loaded;
    this.#memory.claim(key, place, this.#memory.bytesMax);
    this.#memory.claim(key, place, place.bytes);
    return loadModel(ref, parts);
  }

  /** Runs of a tenant's models have one ceiling; those of the platform, which all tenants call, one for each model. */
  #startBelow({ owner, manifest }: ModelRef): StartGraph {
    return async (files) => {
      const runner = await this.#parts.start(files);
      return runner.ok ? ok(this.#ceilings.below(owner === PLATFORM ? manifest.contractHash : owner, runner.value)) : runner;
    };
  }
}

/** So often one call loads a model again whose memory other runs took. */
const RELOADS_MAX = 3;

/** Refusals that are remembered for `modelRetryMs`, so that a crowd does not repeat a load that has just failed. */
const REFUSALS_MAX = 1_000;

/** A loaded model, and how many calls use it now. One that is evicted meanwhile is released behind the last of them. [M81] */
class ModelHolder implements MemoryHolder {
  readonly bytes: number;
  model: LoadedModel | undefined;
  readonly #forget: () => void;
  #users = 0;
  #isEvicted = false;

  constructor(bytes: number, forget: () => void) {
    this.bytes = bytes;
    this.#forget = forget;
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
