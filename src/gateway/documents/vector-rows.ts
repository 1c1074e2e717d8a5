import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { pinnedName } from '../../contract/api/model-name.ts';
import type { Quantities } from '../../contract/api/meter.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import { DOCUMENTS_ROUTE } from '../../contract/documents/documents.ts';
import type { TokenCounter } from '../../documents/chunks/chunk.ts';
import type { DocumentAsker } from '../../documents/replacement/document-record.ts';
import type { IndexManifest, PinnedEmbedding } from '../../index/index-manifest.ts';
import { must } from '../../kernel/assert.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import { shortSha256 } from '../../kernel/short-sha256.ts';
import { Composed } from '../api/composed.ts';
import type { TextEmbedder } from '../embeddings/text-embedder.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { Budget } from '../tenancy/budget.ts';
import type { TokensUsed } from '../vectors/vector-space.ts';
import { NO_TOKENS } from '../vectors/vector-space.ts';
import type { Vectors } from '../vectors/vectors.ts';
import type { ChunkRow, IndexRows } from './index-rows.ts';

interface VectorRowsParts {
  readonly manifests: ManifestCache;
  readonly vectors: Pick<Vectors, 'write' | 'fetch' | 'deleteChunks'>;
  readonly embedder: TextEmbedder;
  readonly budget: Budget;
  /** How a model counts; null: the index has none. */
  readonly counterOf: (tenantId: TenantId, embedding: PinnedEmbedding | null) => Promise<Outcome<TokenCounter>>;
  readonly authorityOf: (tenantId: TenantId) => Authority;
}

/** The vectors of rows, by their places among them; null: the index has none. */
interface RowVectors extends TokensUsed {
  readonly of: (row: number) => Float32Array<ArrayBuffer> | null;
  /** That made them. */
  readonly model?: string;
}

type Reserve = (quantities: Quantities) => Promise<Outcome<void>>;

/** Rows of an index behind the use cases of vectors: they are metered, leased and placed as any others. [DC77] */
export class VectorRows extends Composed<VectorRowsParts> implements IndexRows {
  counter({ principal, index }: DocumentAsker): Promise<Outcome<TokenCounter>> {
    const { manifests, counterOf } = this.parts;
    return onIndex(manifests, principal, index, ({ embedding }) => counterOf(principal.tenantId, embedding));
  }

  async write(by: DocumentAsker, namespace: string, rows: readonly ChunkRow[]): Promise<Outcome<null>> {
    const { manifests, budget } = this.parts;
    const reservation = await budget.reserve(by.principal, { vectors_written: rows.length });
    if (!reservation.ok) return reservation;
    const { value: portion } = reservation;
    const reserve: Reserve = (quantities) => portion.extend(quantities);
    const made = await onIndex(manifests, by.principal, by.index, (manifest) => this.#vectorsOf(by, manifest, namespace, rows, reserve));
    const written = made.ok ? await this.#written(by, namespace, rows, made.value, reserve) : made;
    if (!made.ok || !written.ok) {
      portion.settle({}, { route: DOCUMENTS_ROUTE });
      return written.ok ? ok(null) : forNow(written);
    }
    const { tokens, cachedTokens, model } = made.value;
    const used = { vectors_written: rows.length, embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens };
    portion.settle(used, {
      route: DOCUMENTS_ROUTE,
      ...(model === undefined ? {} : { model }),
      usageId: must(written.value.usageId, 'it can be repeated'),
    });
    return ok(null);
  }

  async delete({ principal, index }: DocumentAsker, namespace: string, ids: readonly string[]): Promise<Outcome<null>> {
    const caller = { principal, authority: this.parts.authorityOf(principal.tenantId) };
    const deleted = await this.parts.vectors.deleteChunks(caller, index, namespace, ids);
    return deleted.ok ? ok(null) : deleted;
  }

  #written({ principal, index }: DocumentAsker, namespace: string, rows: readonly ChunkRow[], { of, model }: RowVectors, reserve: Reserve) {
    const { vectors, authorityOf } = this.parts;
    const caller = { principal, authority: authorityOf(principal.tenantId), reserve };
    const written = rows.map(({ id, text, metadata }, row) => ({ id, namespace, text, metadata, values: of(row) }));
    // Rows never change: those of the same ids are the same write.
    const digest = shortSha256(JSON.stringify([namespace, rows.map(({ id }) => id)]));
    return vectors.write(caller, index, { vectors: written, model }, { idempotencyKey: `documents:${digest}`, digest });
  }

  /** Taken from rows that have the same, and else made. */
  async #vectorsOf(
    { principal }: DocumentAsker,
    manifest: IndexManifest,
    namespace: string,
    rows: readonly ChunkRow[],
    reserve: Reserve,
  ): Promise<Outcome<RowVectors>> {
    const { embedder, authorityOf } = this.parts;
    const { dimensions, embedding, tenantId } = manifest;
    if (dimensions === 0) return ok({ of: () => null, ...NO_TOKENS });
    if (embedding === null) return refuse('invalid_value', 'the index was created without a model, which documents need', 'index');
    const { model, contractHash } = embedding;
    const contract = await embedder.contractOf(tenantId, model, contractHash);
    if (!contract.ok) return contract;
    const authority = authorityOf(tenantId);
    const known = await this.#known({ principal, authority }, manifest, namespace, rows);
    if (!known.ok) return known;
    const lacking = rows.filter(({ like }) => like === null || !known.value.has(like));
    const texts = lacking.map(({ embedded }) => embedded);
    const request = { principal, authority, model, contractHash, texts, use: 'items', isTruncating: true, reserve } as const;
    const made = texts.length === 0 ? ok(undefined) : await embedder.embed(request);
    if (!made.ok) return made;
    const places = new Map(lacking.map(({ id }, at) => [id, at]));
    const of = (row: number): Float32Array<ArrayBuffer> => {
      const { id, like } = must(rows[row], 'a row is one of them');
      const at = places.get(id);
      if (at === undefined) return must(known.value.get(like ?? ''), 'what is not lacking is known');
      return must(made.value, 'what is lacking was made').vectors.slice(at * dimensions, (at + 1) * dimensions);
    };
    const { tokens, cachedTokens } = made.value ?? NO_TOKENS;
    return ok({ of, tokens, cachedTokens, model: pinnedName(contract.value) });
  }

  async #known(
    caller: Parameters<Vectors['fetch']>[0],
    manifest: IndexManifest,
    namespace: string,
    rows: readonly ChunkRow[],
  ): Promise<Outcome<ReadonlyMap<string, Float32Array<ArrayBuffer>>>> {
    const ids = rows.flatMap(({ like }) => like ?? []);
    if (ids.length === 0) return ok(new Map());
    const include = { include_values: true, include_metadata: false, include_text: false, include_fields: false } as const;
    const fetched = await this.parts.vectors.fetch(caller, manifest.name, { ids, namespace, consistency: 'strong', ...include });
    if (!fetched.ok) return fetched;
    const { ids: found, values, manifest: by } = fetched.value;
    // Of another generation, whose model may be another: they are made.
    if (values === null || by.id !== manifest.id) return ok(new Map());
    const { dimensions } = manifest;
    return ok(new Map(found.map((id, at) => [id, values.slice(at * dimensions, (at + 1) * dimensions)])));
  }
}

/** Another generation came to serve in between: by its model, the next try succeeds. */
const forNow = (refused: Outcome<never>): Outcome<never> =>
  refused.ok || refused.error.code !== 'contract_mismatch' ? refused : err({ ...refused.error, code: 'unavailable' });
