import { hash } from 'node:crypto';
import { effectiveAtMs, grantLease, openLeaseBook } from '../../../src/cache/purge-lease.ts';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import type { FillStamp, PurgeMode, PurgePredicate } from '../../../src/cache/purge-predicate.ts';
import { batchRows } from '../../../src/cache/vector-rows.ts';
import { CACHE_LIMITS } from '../../../src/contract/caches/cache-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { EmbeddingModels } from '../../../src/gateway/embeddings/embedding-models.ts';
import type { PurgeLogs } from '../../../src/gateway/caches/purge-logs.ts';
import type { SecondLevel } from '../../../src/gateway/caches/sharded-cache.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { must } from '../../../src/kernel/assert.ts';
import { ok } from '../../../src/kernel/result.ts';

export const sha256 = (data: string | Uint8Array): string => hash('sha256', data, 'hex');

export const principal = (tenantId: string, more: object = {}) => ({ kind: 'tenant', tenantId, ...more }) as unknown as TenantPrincipal;

const manifest = (id: string, runner: 'static' | 'onnx'): ModelManifest => ({
  id,
  version: '1',
  dimensions: 3,
  vocabularySize: 1000,
  runner,
  tokensMax: 200,
  contractHash: sha256(id),
  file: { path: 'x', bytes: 1, sha256: sha256('x') },
  createdS: 1,
  ownedBy: 'tests',
});

/** The vector that this world's models give to token ids; different short texts get different vectors. */
export function vectorOf(ids: Iterable<number>): number[] {
  let [sum, weighted, count] = [0, 0, 0];
  for (const id of ids) {
    count += 1;
    sum += id;
    weighted += id * count;
  }
  return [sum, weighted, count];
}

export function tokensOf(text: string): Int32Array<ArrayBuffer> {
  const tokens = new Int32Array(text.length);
  for (let i = 0; i < text.length; i += 1) tokens[i] = text.charCodeAt(i);
  return tokens;
}

/** One owner of purge logs, one second level and two models, in memory, on a clock that the test sets. */
export class MemoryCacheWorld {
  nowMs = 1_000_000;
  readonly clock = { nowMs: (): number => this.nowMs };
  /** Texts (as token ids) that the models computed, in order. */
  readonly computed: string[] = [];
  logReachable = true;
  sharedReachable = true;
  modelRefuses = false;
  /** Computations wait for this promise before they return. */
  modelGate: Promise<unknown> = Promise.resolve();
  readonly #terms = { leaseMs: CACHE_LIMITS.purgeLeaseMs, guardMs: CACHE_LIMITS.purgeLeaseGuardMs };
  #log = new PurgeLog([], { predicatesMax: CACHE_LIMITS.purgePredicatesMaxCount, termsMax: CACHE_LIMITS.purgeTermsMaxCount });
  #leases = openLeaseBook(this.#terms, this.nowMs);
  readonly #shared = new Map<
    string,
    FillStamp & { vector: Float32Array<ArrayBuffer>; storedAtMs: number; expiresAtMs: number; tags: readonly string[] }
  >();

  /** Purges, and advances the clock until the purge takes effect. */
  purge(predicate: PurgePredicate, mode: PurgeMode = 'hard'): void {
    this.#log = this.#log.append(predicate, mode, this.nowMs);
    this.nowMs = effectiveAtMs(this.#leases, this.nowMs);
  }

  readonly logs: PurgeLogs = {
    lease: async (_tenant, since) => {
      if (!this.logReachable) return refuse('unavailable', 'no');
      this.#leases = grantLease(this.#leases, this.#terms, this.nowMs);
      return ok({ since, tail: this.#log.since(since), leaseMs: this.#terms.leaseMs, grantedAtMs: this.nowMs });
    },
    purge: () => Promise.reject(new Error('not of this world')),
    find: () => Promise.reject(new Error('not of this world')),
    count: () => Promise.reject(new Error('not of this world')),
    eraseTenant: () => Promise.reject(new Error('not of this world')),
    left: () => Promise.reject(new Error('not of this world')),
  };

  readonly secondLevel: SecondLevel = {
    get: async (owner, { contractHash }, digests) => {
      await Promise.resolve();
      return digests.flatMap((digest, at) => {
        const entry = this.sharedReachable ? this.#shared.get(`${owner}:${contractHash}:${digest}`) : undefined;
        if (entry === undefined || entry.expiresAtMs <= this.nowMs) return [];
        const ttlMs = entry.expiresAtMs === Infinity ? undefined : entry.expiresAtMs - this.nowMs;
        const { storedAtMs, expiresAtMs: _, ...held } = entry;
        return [{ ...held, at, ageMs: this.nowMs - storedAtMs, ttlMs }];
      });
    },
    put: async (owner, { contractHash }, entries, vectors, { authority }) => {
      if (!this.sharedReachable || !(await authority.lease()).ok) return;
      const rows = batchRows(entries, vectors);
      entries.forEach(({ digest, position, knownMs, filledBy, ttlMs, tags }, i) => {
        const vector = must(rows[i], 'a vector for each entry').slice();
        const expiresAtMs = ttlMs === undefined ? Infinity : this.nowMs + ttlMs;
        const key = `${owner}:${contractHash}:${digest}`;
        if ((this.#shared.get(key)?.position ?? 0) > position) return;
        this.#shared.set(key, { vector, position, knownMs, filledBy, storedAtMs: this.nowMs, expiresAtMs, tags });
      });
    },
  };

  readonly models: EmbeddingModels = {
    manifests: [manifest('local', 'static'), manifest('remote', 'onnx')],
    load: async (model) =>
      ok({
        manifest: model,
        tokeniser: {
          vocabularySize: 1000,
          tokenise: (text, wordsMax = Infinity) => {
            const kept = text.slice(0, wordsMax);
            const counts = { words: kept.length, unknown: kept.split('?').length - 1, cutWords: text.length - kept.length };
            return { ids: tokensOf(kept), ...counts };
          },
        },
        embed: async ({ ids, offsets }): Promise<Outcome<Float32Array<ArrayBuffer>>> => {
          await this.modelGate;
          if (this.modelRefuses) return refuse('unavailable', 'no');
          const rows = Array.from({ length: offsets.length - 1 }, (_, i) => ids.subarray(must(offsets[i], 'row'), offsets[i + 1]));
          for (const row of rows) this.computed.push(String.fromCharCode(...row));
          return ok(Float32Array.from(rows.flatMap(vectorOf)));
        },
      }),
  };
}
