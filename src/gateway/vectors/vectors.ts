import type { AnswerOf } from '../../ann/shard-operations.ts';
import { hasCallersKey } from '../../ann/receipts.ts';
import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { DeleteSelection, Include, Repetition, ShardVectors, Written } from '../../ann/shard-protocol.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { withDetail } from '../../contract/api/errors.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Consistency } from '../../contract/api/reading.ts';
import type { DeleteBody, FetchBody, NewVector } from '../../contract/vectors/vectors.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { IndexRef } from '../indexes/index-ref.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { EmbeddedPoints, EmbeddingCaller, RowPaths, TokensUsed, VectorSpace } from './vector-space.ts';
import { batchPaths, bothEmbedded } from './vector-space.ts';
import type { FieldSpace } from './field-space.ts';
import { Composed } from '../api/composed.ts';
import { rowNameOf } from '../../documents/store/row-id.ts';
import { ofOwnRows } from './visible/own-rows.ts';
import type { ServedRows } from './visible/served-rows.ts';

interface VectorsParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly space: VectorSpace;
  readonly fields: FieldSpace;
  readonly served: Pick<ServedRows, 'owners' | 'count'>;
}

/** What a call on vectors returns: the answer and the index that gave it. */
export type OnIndex<T> = T & { readonly manifest: IndexManifest };

/** What is billed of a write; under a usage id, once. */
export type WrittenVectors = OnIndex<Written & EmbeddedPoints & { readonly usageId?: string }>;

/** Vectors to write at once. */
interface VectorsToWrite {
  readonly vectors: readonly NewVector[];
  readonly model?: string | undefined;
  /** Whether texts that are too long are cut, instead of refused. */
  readonly isTruncating?: boolean;
  /** Where the parts of the i-th vector stand in the request. */
  readonly pathsOf?: (at: number) => RowPaths;
}

/** Writes, reads and deletes the vectors of an index. */
export class Vectors extends Composed<VectorsParts> {
  /** All or nothing, in one transaction. Refuses what does not fit the index, naming the vector; else as the embedder and the shard do. */
  write(caller: EmbeddingCaller, index: IndexRef, body: VectorsToWrite, repetition: Repetition | null): Promise<Outcome<WrittenVectors>> {
    const { manifests, shards, space, fields } = this.parts;
    const { vectors, isTruncating = false, pathsOf = batchPaths } = body;
    // A shard that writes all of a request keeps no receipt of it without a caller's key. So what may be written is not tried elsewhere (RT41).
    let unsure: Outcome<never> | undefined;
    return onIndex(manifests, caller.principal, index, async (manifest) => {
      if (unsure !== undefined) return unsure;
      const placed = await space.place(
        caller,
        manifest,
        body.model,
        vectors.map((vector, i) => ({ ...vector, isTruncating, paths: pathsOf(i) })),
      );
      if (!placed.ok) return placed;
      const rows = vectors.map((vector, i) => ({ fields: vector.fields, at: pathsOf(i).fields }));
      const held = await fields.contentsOf({ ...caller, isTruncating }, manifest.fields, rows);
      if (!held.ok) return held;
      const { values, vectorless } = placed.value;
      const { contents } = held.value;
      const { cut, ...tokens } = bothEmbedded(placed.value, held.value);
      const batch = {
        indexId: manifest.id,
        ids: vectors.map(({ id }) => id),
        namespaces: vectors.map(({ namespace }) => namespace),
        values,
        ...(vectorless === undefined ? {} : { vectorless }),
        metadata: vectors.map(({ metadata }) => metadata ?? null),
        texts: vectors.map(({ text }) => text ?? null),
        ...(contents === undefined ? {} : { contents }),
        repetition: repetition === null ? null : { ...repetition, embedded: tokens },
      };
      const written = await shards.of(manifest).write('upsert', batch, caller.authority);
      if (!written.ok && written.error.code === 'unavailable' && !hasCallersKey(repetition)) unsure = written;
      if (!written.ok) return written;
      const { count, lsn, billing } = written.value;
      if (!hasCallersKey(repetition)) return ok({ count, lsn, ...tokens, cut, manifest });
      // In earlier versions, the LSN distinguished a request from others under the same key.
      const { usageId } = billing ?? { usageId: `${manifest.id}:${lsn}` };
      const billed = billedOf(billing ?? tokens, tokens);
      return ok({ count, lsn, ...billed, cut, usageId: `${usageId}:${repetition.idempotencyKey}`, manifest });
    });
  }

  fetch(caller: Acting, index: IndexRef, body: FetchBody): Promise<Outcome<OnIndex<ShardVectors>>> {
    return onIndex(this.parts.manifests, caller.principal, index, async (manifest) => {
      const fits = checkReply(manifest, body.include_values, body.ids.length, 'ids');
      if (!fits.ok) return fits;
      const { namespace, ids } = body;
      const fetch = { indexId: manifest.id, namespace, ids, include: includeOf(body) };
      const found = await this.parts.shards.of(manifest).fetch(fetch, consistencyOf(body.consistency));
      return found.ok ? ok({ ...found.value, manifest }) : found;
    });
  }

  /** Refuses with `state_conflict` what holds documents: it goes with them. Of what a filter accepts, that stays. [DC98] */
  delete(caller: Acting, index: IndexRef, body: DeleteBody): Promise<Outcome<OnIndex<Written>>> {
    const own = body.filter === undefined ? body : { ...body, filter: ofOwnRows(body.filter) };
    return this.#delete(caller, index, own, (manifest) => this.#checkDeletion(manifest, body));
  }

  /** Also what holds documents: for those that take these away. */
  deleteChunks(caller: Acting, index: IndexRef, namespace: string, ids: readonly string[]): Promise<Outcome<OnIndex<Written>>> {
    return this.#delete(caller, index, { ids: [...ids], namespace }, async () => ok(null));
  }

  async #checkDeletion(manifest: IndexManifest, { ids, all, namespace }: DeleteBody): Promise<Outcome<null>> {
    const { served } = this.parts;
    if (ids !== undefined) {
      const owners = await served.owners(manifest, namespace, ids);
      if (!owners.ok || owners.value.length === 0) return owners.ok ? ok(null) : owners;
      const at = ids.findIndex((id) => owners.value.includes(rowNameOf(id)?.document ?? ''));
      return refuse('state_conflict', `holds a part of the document ${JSON.stringify(owners.value[0])}: delete that`, ['ids', at]);
    }
    const count = all === true ? await served.count(manifest) : ok(0);
    if (!count.ok || count.value === 0) return count.ok ? ok(null) : count;
    return refuse('state_conflict', `the index has ${count.value} documents, whose vectors go with them: delete those first`, 'all');
  }

  #delete(
    caller: Acting,
    index: IndexRef,
    body: DeleteBody,
    check: (manifest: IndexManifest) => Promise<Outcome<null>>,
  ): Promise<Outcome<OnIndex<Written>>> {
    // What was deleted before a manifest turned out to be old counts, too.
    let count = 0;
    return onIndex(this.parts.manifests, caller.principal, index, async (manifest) => {
      const checked = await check(manifest);
      if (!checked.ok) return count === 0 ? checked : err(afterSome(checked.error, count, 'deleted'));
      let lsn = 0;
      for (const first of selectionsOf(body)) {
        for (let selection: DeleteSelection | null = first; selection !== null;) {
          const deleted: Awaited<AnswerOf<'delete'>> = await this.parts.shards
            .of(manifest)
            .write('delete', { indexId: manifest.id, selection }, caller.authority);
          if (!deleted.ok) return err(afterSome(deleted.error, count, 'deleted'));
          count += deleted.value.count;
          lsn = deleted.value.lsn;
          const next: number | null = deleted.value.next;
          selection = next === null || selection.kind !== 'filter' ? null : { ...selection, after: next };
        }
      }
      return ok({ count, lsn, manifest });
    });
  }
}

/** As the first try, as far as this one reserved as much: under another model, which may serve since, the texts may be fewer tokens. */
function billedOf(first: TokensUsed, reserved: TokensUsed): TokensUsed {
  const tokens = Math.min(first.tokens, reserved.tokens);
  return { tokens, cachedTokens: Math.min(first.cachedTokens, tokens) };
}

interface Included {
  readonly include_values: boolean;
  readonly include_metadata: boolean;
  readonly include_text: boolean;
  readonly include_fields: boolean;
}

export const includeOf = (body: Included): Include => ({
  values: body.include_values,
  metadata: body.include_metadata,
  text: body.include_text,
  ...(body.include_fields ? { contents: true } : {}),
});

/** What is deleted one after another: ids in slices, each all or none. */
function selectionsOf({ ids, filter, namespace }: DeleteBody): DeleteSelection[] {
  if (ids === undefined) return [filter === undefined ? { kind: 'all' } : { kind: 'filter', namespace, filter, after: 0 }];
  const countMax = VECTOR_LIMITS.vectorIdsSliceMaxCount;
  return Array.from({ length: Math.ceil(ids.length / countMax) }, (_, slice) => ({
    kind: 'ids',
    namespace,
    ids: ids.slice(slice * countMax, (slice + 1) * countMax),
  }));
}

/** What a request asks for, as shards know it. */
export const consistencyOf = (asked: Consistency): ReadConsistency =>
  typeof asked === 'string' ? { kind: asked } : { kind: 'min-lsn', lsn: asked.min_lsn };

/** Refuses with `limit_exceeded` an answer of this many vectors with their values, if one answer cannot hold them. */
export function checkReply({ dimensions }: IndexManifest, values: boolean, count: number, param: string): Outcome<null> {
  const floats = count * dimensions;
  if (!values || floats <= VECTOR_LIMITS.retrievalReplyFloatsMaxCount) return ok(null);
  const what = `${count} vectors of ${dimensions} dimensions are ${floats} numbers in one answer`;
  return refuseBeyond({ path: param, limit: 'retrievalReplyFloatsMaxCount', value: floats, what });
}

/** What a call that is done in slices is refused with, once some of its vectors were written, or deleted. */
export const afterSome = (error: Refusal, applied: number, done: 'written' | 'deleted' = 'written'): Refusal =>
  applied === 0 ? error : { ...withDetail(error, `the first ${applied} vectors were ${done}`), applied };
