import { planBatch, scatterRows } from '../../cache/batch-plan.ts';
import { batchRows, joinRows, withNumbers } from '../../cache/vector-rows.ts';
import type { VectorOrigin } from '../../cache/stored-vector.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../../contract/api/shared-work.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Flight, Joined } from '../../kernel/shared-work.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import { BatchProgress } from './batch-progress.ts';
import type { BatchRequest, ComputedRows as Computed } from './batch-progress.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import type { Holding } from '../caches/cache-holdings.ts';
import { LevelOne } from '../caches/level-one.ts';
import type { CachedVector } from '../caches/level-one.ts';
import type { PurgeViews } from '../caches/purge-views.ts';
import type { SecondLevel } from '../caches/sharded-cache.ts';

export interface BatchAnswer {
  /** Row-major, in the order of the inputs. Nothing, where they are ragged. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** Where vectors are ragged: one an input; inputs that are the same share one. */
  readonly rows: readonly Float32Array<ArrayBuffer>[];
  readonly report: CacheReport;
  /** What this isolate now holds for the owner under the model. */
  readonly holding: Holding;
}

interface EmbeddingCacheParts {
  readonly clock: Clock;
  readonly purges: PurgeViews;
  readonly secondLevel: SecondLevel;
  readonly wakeUps: WakeUps;
}

/** A computation of another request, and the rows of it that answer slots of this one. */
interface JoinedRows {
  readonly flight: Flight<Computed>;
  readonly rows: { readonly slot: number; readonly row: number }[];
}

/** Both levels of the embedding cache, as one isolate uses them. SPEC: src/cache/SPEC.md. */
export class EmbeddingCache {
  readonly #parts: EmbeddingCacheParts;
  readonly #memory = new LevelOne();
  readonly #flights: SharedWork<Computed>;

  constructor(parts: EmbeddingCacheParts) {
    this.#parts = parts;
    this.#flights = new SharedWork({ ...parts, bounds: SHARED_WORK_BOUNDS });
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
    const mayRead = view.complete && !request.directives.bypass && request.isKept !== false;
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
      ...answerRows(progress),
      report: progress.report(sharesVectors(manifest)),
      holding: this.#memory.read({ owner, model: manifest.id }),
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
    const { owner, manifest, directives, acting } = progress.request;
    const slots = progress.missing();
    progress.askedShared(slots.length);
    const found = await this.#parts.secondLevel.get(
      owner,
      originOf(manifest),
      slots.map((slot) => progress.digestOf(slot)),
      acting,
    );
    const nowMs = this.#parts.clock.nowMs();
    for (const { at, vector, position, knownMs, filledBy, ageMs, ttlMs, tags } of found) {
      const slot = must(slots[at], 'the second level answers what it was asked');
      const cached = { vector, position, knownMs, filledBy, storedAtMs: nowMs - ageMs, tags };
      const isUsed = progress.accept(slot, { ...cached, freshMs: ttlMs ?? Infinity }, 'shared', nowMs);
      if (isUsed && directives.store) this.#remember(progress, slot, cached, ttlMs);
    }
  }

  /** Computes what is missing, together with other requests where they are at the same; once more what they did not come to the end of. */
  async #complete(progress: BatchProgress, mayJoin: boolean): Promise<Outcome<void>> {
    const waitBudget = this.#flights.waitBudget();
    for (let missing = progress.missing(); missing.length > 0; missing = progress.missing()) {
      const { own, joined } = this.#divide(progress, missing, mayJoin);
      const joining = joined.map(({ flight }) => this.#flights.join(flight, waitBudget));
      const [computed, ...answers] = await Promise.all([own.length === 0 ? undefined : this.#compute(progress, own), ...joining]);
      if (computed?.ok === false) return computed;
      own.forEach((slot, row) => progress.place(slot, computed, row, 'computed'));
      for (const [at, { rows }] of joined.entries()) {
        const answer = valueOf(must(answers[at], 'every flight was waited for'));
        if (answer?.ok === false) return answer;
        for (const { slot, row } of answer === undefined ? [] : rows) progress.place(slot, answer, row, 'joined');
      }
    }
    return ok(undefined);
  }

  /** Which slots this request computes, and which others do: their flights are waited for once each. */
  #divide(progress: BatchProgress, slots: readonly number[], mayJoin: boolean): { own: number[]; joined: JoinedRows[] } {
    const own: number[] = [];
    const joined = new Map<Flight<Computed>, JoinedRows>();
    for (const slot of slots) {
      const entry = mayJoin ? this.#flights.find(progress.flightOf(slot)) : undefined;
      if (entry === undefined || isPurged(progress, slot, entry.flight.mark)) {
        own.push(slot);
        continue;
      }
      const { flight, row } = entry;
      const known = joined.get(flight) ?? { flight, rows: [] };
      known.rows.push({ slot, row });
      joined.set(flight, known);
    }
    return { own, joined: [...joined.values()] };
  }

  #compute(progress: BatchProgress, slots: readonly number[]): Promise<Computed> {
    const inputs = slots.map((slot) => must(progress.plan.inputOf[slot], 'a slot has an input'));
    const flights = slots.map((slot) => progress.flightOf(slot));
    return this.#flights.lead(flights, () => this.#computeAndStore(progress, slots, inputs), progress.view.stamp.position);
  }

  async #computeAndStore(progress: BatchProgress, slots: readonly number[], inputs: readonly number[]) {
    const { request, view } = progress;
    const { owner, manifest, ttlMs, acting } = request;
    const computed = await request.compute(inputs);
    if (!computed.ok) return computed;
    const rows = ok(
      computed.value instanceof Float32Array
        ? batchRows(
            inputs.map(() => ({ numbers: manifest.dimensions })),
            computed.value,
          )
        : computed.value,
    );
    if (!request.directives.store || request.isKept === false) return rows;
    const stamp = { ...view.stamp, filledBy: acting.principal.tenantId };
    const storedAtMs = this.#parts.clock.nowMs();
    slots.forEach((slot, row) => {
      // A copy: a view would keep the whole batch in memory for one entry.
      const vector = must(rows.value[row], 'a row for each input').slice();
      this.#remember(progress, slot, { vector, ...stamp, storedAtMs, tags: progress.tagsFor(slot) }, ttlMs);
    });
    if (sharesVectors(manifest)) {
      const entries = slots.map((slot) => ({ digest: progress.digestOf(slot), ...stamp, ageMs: 0, ttlMs, tags: progress.tagsFor(slot) }));
      const { vectors, lengths } = joinRows(rows.value);
      this.#parts.wakeUps.keepAlive(this.#parts.secondLevel.put(owner, originOf(manifest), withNumbers(entries, lengths), vectors, acting));
    }
    return rows;
  }

  #remember(progress: BatchProgress, slot: number, cached: CachedVector, ttlMs: number | undefined): void {
    const { owner, manifest } = progress.request;
    this.#memory.store({ owner, model: manifest.id }, progress.keyOf(slot), cached, ttlMs, this.#parts.clock.nowMs());
  }
}

/** What another request computed; undefined when it died. */
function valueOf(joined: Joined<Computed>): Computed | undefined {
  switch (joined.kind) {
    case 'done':
      return joined.value;
    case 'failed':
      throw joined.thrown;
    case 'abandoned':
      return undefined;
    case 'crowded':
    case 'late':
      return err(sharedRefusal(joined.kind, 'a vector, which another request computes,'));
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
  progress.verdictOf(slot, { position, knownMs: -Infinity, tags: progress.request.tags }).kind !== 'valid';

const notCached = (absent: number, distinct: number) =>
  refuse('not_cached', `${absent} of ${distinct} distinct inputs are not cached, and \`only-if-cached\` forbids computing them`);

/** The vectors by inputs. */
function answerRows({ rows, plan: { slotOf }, request }: BatchProgress): Pick<BatchAnswer, 'vectors' | 'rows'> {
  if (request.isRagged !== true) return { vectors: scatterRows(rows, slotOf, request.manifest.dimensions), rows: [] };
  return { vectors: new Float32Array(0), rows: Array.from(slotOf, (slot) => must(rows[slot], 'every distinct input has an answer')) };
}
