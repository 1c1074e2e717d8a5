import type { BatchPlan } from '../../cache/batch-plan.ts';
import { accepts } from '../../cache/cache-directives.ts';
import type { CacheDirectives } from '../../cache/cache-directives.ts';
import { cacheKey } from '../../cache/cache-key.ts';
import { CACHE_LIMITS } from '../../contract/caches/cache-limits.ts';
import type { FillStamp } from '../../cache/purge-predicate.ts';
import type { PurgeVerdict } from '../../cache/purge-log.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { must } from '../../kernel/assert.ts';
import type { CacheOwnerId } from '../../kernel/ids.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { CacheReport, Forwarding, VectorSource } from '../caches/cache-report.ts';
import type { FoundInMemory } from '../caches/level-one.ts';
import type { CurrentView } from '../caches/purge-views.ts';

export interface BatchRequest {
  /** In whose name what is computed is kept. */
  readonly acting: Acting;
  /** The owner of the cache that answers: no other owner reads or writes it. */
  readonly owner: CacheOwnerId;
  readonly manifest: ModelManifest;
  /** Whether vectors are of lengths of their own. */
  readonly isRagged?: boolean;
  /** False: they are neither looked for nor kept. */
  readonly isKept?: boolean;
  /** One for each input, see `inputDigest`. */
  readonly digests: readonly string[];
  readonly directives: CacheDirectives;
  /** How long what is computed may answer; undefined: until it is evicted. */
  readonly ttlMs: number | undefined;
  /** Only entries that carry all of these tags answer, and computed ones carry them: a purge of any of them takes such an entry. */
  readonly tags: readonly string[];
  /** Requests share a computation only with those that have the same: what one allows, another may refuse. */
  readonly sharing?: string;
  /** The vectors of those inputs: row by row, `manifest.dimensions` numbers each, or each by itself where they are of lengths of their own. */
  compute(inputs: readonly number[]): Promise<Outcome<Float32Array<ArrayBuffer> | readonly Float32Array<ArrayBuffer>[]>>;
}

/** One vector for each distinct input that was computed. */
export type ComputedRows = Outcome<readonly Float32Array<ArrayBuffer>[]>;

/** What is known of a batch so far, by slot of its plan. */
export class BatchProgress {
  readonly request: BatchRequest;
  readonly plan: BatchPlan;
  readonly view: CurrentView;
  readonly rows: Float32Array<ArrayBuffer>[] = [];
  readonly #sources: VectorSource[] = [];
  readonly #agesMs: number[] = [];
  readonly #tags = new Map<number, readonly string[]>();
  #ttlMs: number | undefined;
  #refused: 'stale' | 'request' | undefined;
  #shared = { asked: 0, found: 0 };

  constructor(request: BatchRequest, plan: BatchPlan, view: CurrentView) {
    this.request = request;
    this.plan = plan;
    this.view = view;
  }

  missing(): number[] {
    return [...this.plan.distinct.keys()].filter((slot) => this.rows[slot] === undefined);
  }

  digestOf(slot: number): string {
    return must(this.plan.distinct[slot], 'a slot of the plan');
  }

  keyOf(slot: number): string {
    return cacheKey(this.request.owner, this.request.manifest.contractHash, this.digestOf(slot));
  }

  /** Under which requests share a computation: those whose entry would carry the same tags, and which allow the same. */
  flightOf(slot: number): string {
    return [this.keyOf(slot), this.request.sharing ?? '', ...this.request.tags.toSorted()].join('\n');
  }

  /** What an entry that is computed for a slot carries: the tags of the request, and those of the entry it replaces. */
  tagsFor(slot: number): readonly string[] {
    return [...new Set([...this.request.tags, ...(this.#tags.get(slot) ?? [])])].slice(0, CACHE_LIMITS.cacheEntryTagsMaxCount);
  }

  /** What purges mean for a vector that would answer a slot. */
  verdictOf(slot: number, { position, knownMs, filledBy, tags }: FillStamp & { readonly tags: readonly string[] }): PurgeVerdict {
    const { id: model, version: modelVersion } = this.request.manifest;
    return this.view.log.verdictOf({ digest: this.digestOf(slot), model, modelVersion, tags, position, knownMs, filledBy });
  }

  /** Uses a cached vector, unless a purge took it or the request wants another. Answers whether it does. */
  accept(slot: number, cached: FoundInMemory, source: 'memory' | 'shared', nowMs: number): boolean {
    const { directives, tags } = this.request;
    const verdict = this.verdictOf(slot, cached);
    if (verdict.kind === 'purged') return false;
    // What a purge made stale has been so since then, if not longer.
    const freshMs = verdict.kind === 'soft-purged' ? Math.min(cached.freshMs, verdict.sinceMs - this.view.logTimeMs) : cached.freshMs;
    if (!tags.every((tag) => cached.tags.includes(tag))) {
      this.#tags.set(slot, cached.tags);
      return false;
    }
    const ageMs = Math.max(0, nowMs - cached.storedAtMs);
    if (!accepts(directives, ageMs, freshMs)) {
      this.#tags.set(slot, cached.tags);
      this.#refused = freshMs > 0 ? 'request' : 'stale';
      return false;
    }
    this.#agesMs.push(ageMs);
    if (freshMs !== Infinity) this.#expect(freshMs);
    if (source === 'shared') this.#shared.found += 1;
    this.rows[slot] = cached.vector;
    this.#sources[slot] = source;
    return true;
  }

  askedShared(count: number): void {
    this.#shared.asked += count;
  }

  /** Takes row `row` of what was computed. */
  place(slot: number, answer: ComputedRows | undefined, row: number, source: 'computed' | 'joined'): void {
    const answered = must(answer?.ok === true ? answer.value : undefined, 'refusals were returned');
    this.rows[slot] = must(answered[row], 'a row for each input');
    this.#sources[slot] = source;
    const { ttlMs } = this.request;
    if (source === 'computed' && ttlMs !== undefined) this.#expect(ttlMs);
  }

  /** What happened, once every slot has its row. */
  report(usesShared: boolean): CacheReport {
    const store = this.request.directives.store && this.request.isKept !== false;
    const computed = this.#sources.includes('computed');
    return {
      sources: this.#byInput(),
      agesMs: this.#agesMs,
      ttlMs: this.#ttlMs,
      forwarded: this.#forwarded(),
      shared: this.#shared,
      stored: { memory: store && (computed || this.#shared.found > 0), shared: store && computed && usesShared },
    };
  }

  #forwarded(): Forwarding | undefined {
    const held = this.#sources.filter((source) => source === 'memory').length;
    if (held === this.#sources.length) return undefined;
    if (!this.view.complete || this.request.isKept === false) return 'bypass';
    if (this.request.directives.bypass) return 'request';
    return held > 0 ? 'partial' : (this.#refused ?? 'miss');
  }

  #byInput(): VectorSource[] {
    return Array.from(this.plan.slotOf, (slot, input) => {
      const source = must(this.#sources[slot], 'every slot was answered');
      return source === 'computed' && this.plan.inputOf[slot] !== input ? 'duplicate' : source;
    });
  }

  #expect(ttlMs: number): void {
    this.#ttlMs = Math.min(this.#ttlMs ?? Infinity, ttlMs);
  }
}
