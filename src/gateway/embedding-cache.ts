import { planBatch, scatterRows } from '../cache/batch-plan.ts';
import type { BatchPlan } from '../cache/batch-plan.ts';
import { acceptsAge } from '../cache/cache-directives.ts';
import type { CacheDirectives } from '../cache/cache-directives.ts';
import { cacheKey } from '../cache/cache-key.ts';
import { LruCache } from '../cache/lru-cache.ts';
import { SingleFlight } from '../cache/single-flight.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { ModelManifest } from '../inference/model-manifest.ts';
import { must } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';
import type { Background } from './background.ts';
import type { CurrentView, PurgeViews } from './purge-views.ts';
import type { SecondLevel } from './second-level.ts';

/** Where the vector of an input came from. `joined`: another request of this isolate was computing it. */
export type VectorSource = 'memory' | 'shared' | 'joined' | 'duplicate' | 'computed';

export interface BatchRequest {
  readonly tenantId: TenantId;
  readonly manifest: ModelManifest;
  /** One for each input, see `inputDigest`. */
  readonly digests: readonly string[];
  readonly directives: CacheDirectives;
  /** How long what is computed may answer; undefined: until it is evicted. */
  readonly ttlMs: number | undefined;
  /** The vectors of those inputs, row by row. */
  compute(inputs: readonly number[]): Promise<Outcome<Float32Array<ArrayBuffer>>>;
}

export interface BatchAnswer {
  /** Row-major, in the order of the inputs. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly sources: readonly VectorSource[];
  /** Age of the oldest vector that a cache answered; undefined when none did. */
  readonly ageMs: number | undefined;
}

interface CachedVector {
  readonly vector: Float32Array<ArrayBuffer>;
  readonly position: number;
  readonly storedAtMs: number;
}

/** What is known of a batch so far, by slot of its plan. */
interface Progress {
  readonly request: BatchRequest;
  readonly plan: BatchPlan;
  readonly view: CurrentView;
  readonly rows: Float32Array<ArrayBuffer>[];
  readonly sources: VectorSource[];
  ageMs: number | undefined;
}

interface EmbeddingCacheParts {
  readonly clock: Clock;
  readonly purges: PurgeViews;
  readonly secondLevel: SecondLevel;
  readonly background: Background;
}

/** What an entry of L1 costs beside its numbers and its key: the objects around them. */
const ENTRY_OVERHEAD_BYTES = 256;

/** Both levels of the embedding cache, as one isolate uses them. SPEC: src/cache/SPEC.md. */
export class EmbeddingCache {
  readonly #parts: EmbeddingCacheParts;
  readonly #memory = new LruCache<CachedVector>({ entriesMax: LIMITS.cacheL1EntriesMax, bytesMax: LIMITS.cacheL1BytesMax });
  readonly #flights = new SingleFlight<Outcome<Float32Array<ArrayBuffer>>>();

  constructor(parts: EmbeddingCacheParts) {
    this.#parts = parts;
  }

  /** Answers every input at its own index; computes what neither level holds, each distinct input once. */
  async answer(request: BatchRequest): Promise<Outcome<BatchAnswer>> {
    const view = await this.#parts.purges.current(request.tenantId);
    const progress: Progress = { request, plan: planBatch(request.digests), view, rows: [], sources: [], ageMs: undefined };
    const mayRead = view.complete && !request.directives.bypass;
    if (mayRead) {
      this.#readMemory(progress);
      if (sharesVectors(request.manifest) && missing(progress).length > 0) {
        await this.#readShared(progress);
        // Another request may have computed them while this one waited.
        this.#readMemory(progress);
      }
    }
    const computed = await this.#complete(progress, mayRead);
    if (!computed.ok) return computed;
    const { rows, plan, sources, ageMs } = progress;
    return ok({ vectors: scatterRows(rows, plan.slotOf, request.manifest.dimensions), sources: sourcesByInput(plan, sources), ageMs });
  }

  #readMemory(progress: Progress): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const slot of missing(progress)) {
      const cached = this.#memory.get(keyOf(progress, slot), nowMs);
      if (cached !== undefined) this.#accept(progress, slot, cached, 'memory');
    }
  }

  async #readShared(progress: Progress): Promise<void> {
    const { request } = progress;
    const slots = missing(progress);
    const digests = slots.map((slot) => digestOf(progress, slot));
    const found = await this.#parts.secondLevel.get(request.tenantId, request.manifest.contractHash, digests);
    const nowMs = this.#parts.clock.nowMs();
    for (const { at, vector, position, ageMs, ttlMs } of found) {
      const slot = must(slots[at], 'the second level answers what it was asked');
      const cached = { vector, position, storedAtMs: nowMs - ageMs };
      if (this.#accept(progress, slot, cached, 'shared') && request.directives.store) this.#remember(keyOf(progress, slot), cached, ttlMs);
    }
  }

  /** Uses a cached vector, unless a purge took it or the request wants none that old. */
  #accept(progress: Progress, slot: number, cached: CachedVector, source: VectorSource): boolean {
    const { request, view, rows, sources } = progress;
    const ageMs = Math.max(0, this.#parts.clock.nowMs() - cached.storedAtMs);
    if (isTaken(progress, slot, cached.position, view) || !acceptsAge(request.directives, ageMs)) return false;
    rows[slot] = cached.vector;
    sources[slot] = source;
    progress.ageMs = Math.max(progress.ageMs ?? 0, ageMs);
    return true;
  }

  /** Computes what is missing, together with other requests where they are at the same. */
  async #complete(progress: Progress, mayJoin: boolean): Promise<Outcome<void>> {
    const own: number[] = [];
    const joined: { slot: number; row: number; flight: Promise<Outcome<Float32Array<ArrayBuffer>>> }[] = [];
    for (const slot of missing(progress)) {
      const flight = mayJoin ? this.#flights.find(keyOf(progress, slot)) : undefined;
      if (flight === undefined || isTaken(progress, slot, flight.position, progress.view)) own.push(slot);
      else joined.push({ slot, row: flight.row, flight: flight.rows });
    }
    const computing = own.length === 0 ? undefined : this.#compute(progress, own);
    const answers = await Promise.all([computing, ...joined.map(({ flight }) => flight)]);
    const refused = answers.find((answer) => answer !== undefined && !answer.ok);
    if (refused !== undefined && !refused.ok) return refused;

    own.forEach((slot, row) => place(progress, slot, answers[0], row, 'computed'));
    joined.forEach(({ slot, row }, i) => place(progress, slot, answers[i + 1], row, 'joined'));
    return ok(undefined);
  }

  #compute(progress: Progress, slots: readonly number[]): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const inputs = slots.map((slot) => must(progress.plan.inputOf[slot], 'a slot has an input'));
    const rows = this.#computeAndStore(progress, slots, inputs);
    const keys = slots.map((slot) => keyOf(progress, slot));
    this.#flights.open(keys, progress.view.log.position, rows);
    // Others may join: it must outlive the request that began it.
    this.#parts.background(rows);
    return rows;
  }

  async #computeAndStore({ request, view, plan }: Progress, slots: readonly number[], inputs: readonly number[]) {
    const rows = await request.compute(inputs);
    if (!rows.ok || !request.directives.store) return rows;
    const { tenantId, manifest, ttlMs } = request;
    const { position } = view.log;
    const storedAtMs = this.#parts.clock.nowMs();
    const digests = slots.map((slot) => must(plan.distinct[slot], 'a slot of the plan'));
    digests.forEach((digest, row) => {
      const vector = rowOf(rows.value, row, manifest.dimensions);
      this.#remember(cacheKey(tenantId, manifest.contractHash, digest), { vector, position, storedAtMs }, ttlMs);
    });
    if (sharesVectors(manifest)) {
      const entries = digests.map((digest) => ({ digest, position, ttlMs }));
      this.#parts.background(this.#parts.secondLevel.put(tenantId, manifest.contractHash, entries, rows.value));
    }
    return rows;
  }

  #remember(key: string, cached: CachedVector, ttlMs: number | undefined): void {
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#memory.get(key, nowMs);
    if (known !== undefined && known.position > cached.position) return;
    const bytes = cached.vector.byteLength + key.length + ENTRY_OVERHEAD_BYTES;
    this.#memory.set(key, cached, bytes, ttlMs === undefined ? undefined : nowMs + ttlMs);
  }
}

/** Whether a model's vectors go to the second level: those of a static model cost less than the call. */
const sharesVectors = (manifest: ModelManifest): boolean => manifest.runner !== 'static';

const missing = ({ plan, rows }: Progress): number[] => [...plan.distinct.keys()].filter((slot) => rows[slot] === undefined);

const digestOf = ({ plan }: Progress, slot: number): string => must(plan.distinct[slot], 'a slot of the plan');

const keyOf = (progress: Progress, slot: number): string =>
  cacheKey(progress.request.tenantId, progress.request.manifest.contractHash, digestOf(progress, slot));

const isTaken = (progress: Progress, slot: number, position: number, { log }: CurrentView): boolean =>
  log.takes({ contractHash: progress.request.manifest.contractHash, digest: digestOf(progress, slot), position });

/** A copy: a view would keep the whole batch in memory for one entry. */
const rowOf = (rows: Float32Array<ArrayBuffer>, row: number, dimensions: number): Float32Array<ArrayBuffer> =>
  rows.slice(row * dimensions, (row + 1) * dimensions);

function place(
  { rows, sources, request }: Progress,
  slot: number,
  answer: Outcome<Float32Array<ArrayBuffer>> | undefined,
  row: number,
  source: VectorSource,
): void {
  const { dimensions } = request.manifest;
  const answered = must(answer?.ok === true ? answer.value : undefined, 'refusals were returned');
  rows[slot] = answered.subarray(row * dimensions, (row + 1) * dimensions);
  sources[slot] = source;
}

function sourcesByInput(plan: BatchPlan, sources: readonly VectorSource[]): VectorSource[] {
  return Array.from(plan.slotOf, (slot, input) => {
    const source = must(sources[slot], 'every slot was answered');
    return source === 'computed' && plan.inputOf[slot] !== input ? 'duplicate' : source;
  });
}
