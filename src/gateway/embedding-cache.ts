import { planBatch, scatterRows } from '../cache/batch-plan.ts';
import { SingleFlight } from '../cache/single-flight.ts';
import type { VectorOrigin } from '../cache/stored-vector.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import type { ModelManifest } from '../inference/model-manifest.ts';
import { must } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import { ok } from '../kernel/result.ts';
import type { Background } from './background.ts';
import { BatchProgress } from './batch-progress.ts';
import type { BatchRequest } from './batch-progress.ts';
import type { CacheReport } from './cache-report.ts';
import { LevelOne } from './level-one.ts';
import type { CachedVector, Holding } from './level-one.ts';
import type { PurgeViews } from './purge-views.ts';
import type { SecondLevel } from './second-level.ts';

export interface BatchAnswer {
  /** Row-major, in the order of the inputs. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly report: CacheReport;
  /** What this isolate now holds for the owner under the model. */
  readonly holding: Holding;
}

interface EmbeddingCacheParts {
  readonly clock: Clock;
  readonly purges: PurgeViews;
  readonly secondLevel: SecondLevel;
  readonly background: Background;
}

/** Both levels of the embedding cache, as one isolate uses them. SPEC: src/cache/SPEC.md. */
export class EmbeddingCache {
  readonly #parts: EmbeddingCacheParts;
  readonly #memory = new LevelOne();
  readonly #flights = new SingleFlight<Outcome<Float32Array<ArrayBuffer>>>();

  constructor(parts: EmbeddingCacheParts) {
    this.#parts = parts;
  }

  /** What the isolate holds in all. */
  get held(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#memory.entries, bytes: this.#memory.bytes };
  }

  /**
   * Answers every input at its own index; computes what neither level holds, each distinct input once. Refuses with `not_cached` when
   * the request wants nothing computed, and as `compute` does.
   */
  async answer(request: BatchRequest): Promise<Outcome<BatchAnswer>> {
    const view = await this.#parts.purges.current(request.owner);
    const progress = new BatchProgress(request, planBatch(request.digests), view);
    const mayRead = view.complete && !request.directives.bypass;
    if (mayRead) {
      this.#readMemory(progress);
      if (sharesVectors(request.manifest) && progress.missing().length > 0) {
        await this.#readShared(progress);
        // Another request may have computed them while this one waited.
        this.#readMemory(progress);
      }
    }
    const absent = progress.missing().length;
    if (absent > 0 && request.directives.onlyIfCached) return notCached(absent, progress.plan.distinct.length);
    const computed = await this.#complete(progress, mayRead);
    if (!computed.ok) return computed;
    const { manifest, owner } = request;
    return ok({
      vectors: scatterRows(progress.rows, progress.plan.slotOf, manifest.dimensions),
      report: progress.report(sharesVectors(manifest)),
      holding: this.#memory.tell({ owner, model: manifest.id }),
    });
  }

  #readMemory(progress: BatchProgress): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const slot of progress.missing()) {
      const cached = this.#memory.find(progress.keyOf(slot), nowMs);
      if (cached !== undefined) progress.accept(slot, cached, 'memory', nowMs);
    }
  }

  async #readShared(progress: BatchProgress): Promise<void> {
    const { owner, manifest, directives } = progress.request;
    const slots = progress.missing();
    progress.askedShared(slots.length);
    const found = await this.#parts.secondLevel.get(
      owner,
      originOf(manifest),
      slots.map((slot) => progress.digestOf(slot)),
    );
    const nowMs = this.#parts.clock.nowMs();
    for (const { at, vector, position, knownMs, ageMs, ttlMs, tags } of found) {
      const slot = must(slots[at], 'the second level answers what it was asked');
      const cached = { vector, position, knownMs, storedAtMs: nowMs - ageMs, tags };
      const isUsed = progress.accept(slot, { ...cached, freshMs: ttlMs ?? Infinity }, 'shared', nowMs);
      if (isUsed && directives.store) this.#remember(progress, slot, cached, ttlMs);
    }
  }

  /** Computes what is missing, together with other requests where they are at the same. */
  async #complete(progress: BatchProgress, mayJoin: boolean): Promise<Outcome<void>> {
    const own: number[] = [];
    const joined: { slot: number; row: number; flight: Promise<Outcome<Float32Array<ArrayBuffer>>> }[] = [];
    for (const slot of progress.missing()) {
      const flight = mayJoin ? this.#flights.find(progress.flightOf(slot)) : undefined;
      if (flight === undefined || isPurged(progress, slot, flight.position)) own.push(slot);
      else joined.push({ slot, row: flight.row, flight: flight.rows });
    }
    const computing = own.length === 0 ? undefined : this.#compute(progress, own);
    const answers = await Promise.all([computing, ...joined.map(({ flight }) => flight)]);
    const refused = answers.find((answer) => answer !== undefined && !answer.ok);
    if (refused !== undefined && !refused.ok) return refused;

    own.forEach((slot, row) => progress.place(slot, answers[0], row, 'computed'));
    joined.forEach(({ slot, row }, i) => progress.place(slot, answers[i + 1], row, 'joined'));
    return ok(undefined);
  }

  #compute(progress: BatchProgress, slots: readonly number[]): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const inputs = slots.map((slot) => must(progress.plan.inputOf[slot], 'a slot has an input'));
    const rows = this.#computeAndStore(progress, slots, inputs);
    const flights = slots.map((slot) => progress.flightOf(slot));
    this.#flights.open(flights, progress.view.stamp.position, rows);
    // Others may join: it must outlive the request that began it.
    this.#parts.background(rows);
    return rows;
  }

  async #computeAndStore(progress: BatchProgress, slots: readonly number[], inputs: readonly number[]) {
    const { request, view } = progress;
    const rows = await request.compute(inputs);
    if (!rows.ok || !request.directives.store) return rows;
    const { owner, manifest, ttlMs } = request;
    const { stamp } = view;
    const storedAtMs = this.#parts.clock.nowMs();
    slots.forEach((slot, row) => {
      const vector = rowOf(rows.value, row, manifest.dimensions);
      this.#remember(progress, slot, { vector, ...stamp, storedAtMs, tags: progress.tagsFor(slot) }, ttlMs);
    });
    if (sharesVectors(manifest)) {
      const entries = slots.map((slot) => ({ digest: progress.digestOf(slot), ...stamp, ageMs: 0, ttlMs, tags: progress.tagsFor(slot) }));
      this.#parts.background(this.#parts.secondLevel.put(owner, originOf(manifest), entries, rows.value));
    }
    return rows;
  }

  #remember(progress: BatchProgress, slot: number, cached: CachedVector, ttlMs: number | undefined): void {
    const { owner, manifest } = progress.request;
    this.#memory.store({ owner, model: manifest.id }, progress.keyOf(slot), cached, ttlMs, this.#parts.clock.nowMs());
  }
}

/** Whether a model's vectors go to the second level: those of a static model cost less than the call. */
const sharesVectors = (manifest: ModelManifest): boolean => manifest.runner !== 'static';

const originOf = ({ contractHash, id: model, version: modelVersion }: ModelManifest): VectorOrigin => ({
  contractHash,
  model,
  modelVersion,
});

/** Whether a purge came after a computation had begun. It counts as older than any age: it began when nothing is known to have been. */
const isPurged = (progress: BatchProgress, slot: number, position: number): boolean =>
  progress.fateOf(slot, { position, knownMs: -Infinity, tags: progress.request.tags }).kind !== 'kept';

const notCached = (absent: number, distinct: number) =>
  refuse('not_cached', `${absent} of ${distinct} distinct inputs are not cached, and \`only-if-cached\` leaves nothing else`);

/** A copy: a view would keep the whole batch in memory for one entry. */
const rowOf = (rows: Float32Array<ArrayBuffer>, row: number, dimensions: number): Float32Array<ArrayBuffer> =>
  rows.slice(row * dimensions, (row + 1) * dimensions);
