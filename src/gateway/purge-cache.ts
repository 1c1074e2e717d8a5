import { inputDigest } from '../cache/cache-key.ts';
import type { PurgePredicate } from '../cache/purge-predicate.ts';
import type { PurgeRecord } from '../cache/purge-record.ts';
import type { Sha256 } from '../cache/sha256.ts';
import type { PurgeBody } from '../contract/cache.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { TenantPrincipal } from '../contract/principal.ts';
import { sha256Hex, utf8 } from '../kernel/bytes.ts';
import { base32 } from '../kernel/ids.ts';
import type { PurgeId, TenantId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';
import type { Rng } from '../kernel/rng.ts';
import type { EmbeddingModels } from './embedding-models.ts';
import { findManifest } from './embedding-models.ts';
import type { PurgeLogs } from './purge-logs.ts';

interface CachePurgerParts {
  readonly logs: PurgeLogs;
  readonly models: EmbeddingModels;
  readonly sha256: Sha256;
  readonly rng: Rng;
}

/** Characters of a purge id after its prefix, 5 bits each: two never meet. */
const ID_CHARS = 26;

/** Purges what is cached for a tenant. Texts leave only their digests in the log. */
export class CachePurger {
  readonly #parts: CachePurgerParts;

  constructor(parts: CachePurgerParts) {
    this.#parts = parts;
  }

  /** Answers once the purge holds everywhere. Refuses with `model_not_found`, `idempotency_mismatch` or `unavailable`. */
  async purge({ tenantId }: TenantPrincipal, body: PurgeBody, idempotencyKey: string | undefined): Promise<Outcome<PurgeRecord>> {
    const predicate = this.#predicateOf(body);
    if (!predicate.ok) return predicate;
    const purgeId = await this.#idFor(tenantId, idempotencyKey);
    const bodyDigest = await sha256Hex(JSON.stringify(predicate.value));
    return this.#parts.logs.purge({ purgeId, tenantId, bodyDigest, predicate: predicate.value });
  }

  find({ tenantId }: TenantPrincipal, purgeId: PurgeId): Promise<Outcome<PurgeRecord>> {
    return this.#parts.logs.find(tenantId, purgeId);
  }

  #predicateOf({ text, keys, model }: PurgeBody): Outcome<PurgePredicate> {
    const manifest = model === undefined ? undefined : findManifest(this.#parts.models.manifests, model);
    if (manifest !== undefined && !manifest.ok) return manifest;
    const contractHash = manifest?.value.contractHash ?? null;
    const digests = keys ?? text?.map((item) => inputDigest(this.#parts.sha256, { kind: 'text', text: item }));
    if (digests === undefined) return ok({ kind: 'everything', contractHash });
    return ok({ kind: 'keys', digests: [...new Set(digests)], contractHash });
  }

  async #idFor(tenantId: TenantId, idempotencyKey: string | undefined): Promise<PurgeId> {
    const bytes =
      idempotencyKey === undefined
        ? this.#parts.rng.bytes(ID_CHARS)
        : new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(JSON.stringify([tenantId, 'cache.purge', idempotencyKey]))));
    return `pg_${base32(bytes.subarray(0, ID_CHARS))}` as PurgeId;
  }
}
