import type { AnswerOf } from '../../ann/shard-operations.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import type { MetadataEdit } from '../../ann/metadata-edit.ts';
import type { VectorEdit, Written } from '../../ann/shard-protocol.ts';
import type { Filter } from '../../contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { err, ok } from '../../kernel/result.ts';
import type { OnIndex } from './vectors.ts';
import { afterSome } from './vectors.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { IndexRef } from '../indexes/index-ref.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { PointPaths, VectorSpace } from './vector-space.ts';
import { withoutTexts } from './vector-space.ts';
import { Composed } from '../api/composed.ts';

/** Stored vectors of a namespace: those with these ids, or those that a filter accepts. */
export type StoredSelection =
  | { readonly kind: 'ids'; readonly namespace: string; readonly ids: readonly string[] }
  | { readonly kind: 'filter'; readonly namespace: string; readonly filter: Filter };

export interface ChangedVectors extends Written {
  /** Ids that were named and are not there. */
  readonly missing: readonly string[];
}

/** A vector that gets new values. */
export interface NewValues {
  readonly id: string;
  readonly values: Float32Array<ArrayBuffer>;
  readonly paths: PointPaths;
}

interface VectorChangesParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly space: VectorSpace;
}

const NOTHING_INCLUDED = { values: false, metadata: false, text: false };

/** Changes stored vectors in their shards, slice by slice. */
export class VectorChanges extends Composed<VectorChangesParts> {
  /** Refuses as the shards do. */
  editMetadata(
    caller: Acting,
    index: IndexRef,
    selection: StoredSelection,
    edit: MetadataEdit,
    reserve: (count: number) => Promise<Outcome<unknown>>,
  ): Promise<Outcome<OnIndex<ChangedVectors>>> {
    return onIndex(this.parts.manifests, caller.principal, index, async (manifest) => {
      const { namespace } = selection;
      if (selection.kind === 'filter') {
        const accepted = await this.#patchAccepted(caller, manifest, namespace, selection.filter, edit, reserve);
        return accepted.ok ? ok({ ...accepted.value, manifest }) : accepted;
      }
      const ids = [...new Set(selection.ids)];
      const reserved = await reserve(ids.length);
      if (!reserved.ok) return reserved;
      const changed = await this.#patch(caller, manifest, { namespace, ids, filter: null }, edit, 0);
      return changed.ok ? ok({ ...changed.value, manifest }) : changed;
    });
  }

  /** No id twice. Refuses what does not fit the index, naming the vector; else as the shards do. */
  setValues(caller: Acting, index: IndexRef, namespace: string, vectors: readonly NewValues[]): Promise<Outcome<OnIndex<ChangedVectors>>> {
    const { manifests, space } = this.parts;
    return onIndex(manifests, caller.principal, index, async (manifest) => {
      const fits = await space.check(manifest, undefined, vectors);
      if (!fits.ok) return fits;
      let done: ChangedVectors = { count: 0, lsn: 0, missing: [] };
      const sliceCount = Math.max(1, Math.floor(VECTOR_LIMITS.patchSliceFloatsMaxCount / manifest.dimensions));
      for (let from = 0; from < vectors.length; from += sliceCount) {
        const slice = vectors.slice(from, from + sliceCount);
        const placed = await space.place(withoutTexts(caller), manifest, undefined, slice);
        if (!placed.ok) return err(afterSome(placed.error, from));
        const ids = slice.map(({ id }) => id);
        const written: VectorEdit = { kind: 'values', values: placed.value.values };
        const changed = await this.#patch(caller, manifest, { namespace, ids, filter: null }, written, from);
        if (!changed.ok) return changed;
        const { count, lsn, missing } = changed.value;
        done = { count: done.count + count, lsn, missing: [...done.missing, ...missing] };
      }
      return ok({ ...done, manifest });
    });
  }

  /** Finds what the filter accepts by pages of ids; each is changed only if it is accepted still. */
  async #patchAccepted(
    caller: Acting,
    manifest: IndexManifest,
    namespace: string,
    filter: Filter,
    edit: MetadataEdit,
    reserve: (count: number) => Promise<Outcome<unknown>>,
  ): Promise<Outcome<ChangedVectors>> {
    const { shards } = this.parts;
    const page = { indexId: manifest.id, namespace, filter, limit: VECTOR_LIMITS.patchSliceMaxCount, include: NOTHING_INCLUDED };
    let count = 0;
    for (let after: string | null = null; ;) {
      const listed: Awaited<AnswerOf<'list'>> = await shards
        .of(manifest)
        .read('list', { ...page, start: after === null ? null : { id: after, isIncluded: false } });
      if (!listed.ok) return err(afterSome(listed.error, count));
      const { ids, lsn, next }: { ids: readonly string[]; lsn: number; next: string | null } = listed.value;
      const reserved = await reserve(ids.length);
      if (!reserved.ok) return err(afterSome(reserved.error, count));
      const changed = ids.length === 0 ? undefined : await this.#patch(caller, manifest, { namespace, ids, filter }, edit, count);
      if (changed?.ok === false) return changed;
      count += changed?.value.count ?? 0;
      if (next === null) return ok({ count, lsn: changed?.value.lsn ?? lsn, missing: [] });
      after = next;
    }
  }

  /** `before`: of the same call, how many were written before these. */
  async #patch(
    { authority }: Acting,
    manifest: IndexManifest,
    { namespace, ids, filter }: { readonly namespace: string; readonly ids: readonly string[]; readonly filter: Filter | null },
    edit: VectorEdit,
    before: number,
  ): Promise<Outcome<ChangedVectors>> {
    const missing: string[] = [];
    let count = 0;
    for (let done = 0; ;) {
      const rest = { ids: ids.slice(done, done + VECTOR_LIMITS.patchSliceMaxCount), edit: restOf(edit, done, manifest.dimensions) };
      const patched = await this.parts.shards.of(manifest).write('patch', { indexId: manifest.id, namespace, filter, ...rest }, authority);
      if (!patched.ok) return err(afterSome(patched.error, before + count));
      count += patched.value.count;
      missing.push(...patched.value.missing);
      done += patched.value.taken;
      if (done >= ids.length) return ok({ count, lsn: patched.value.lsn, missing });
    }
  }
}

/** What an edit holds of the ids after the first `done`. A slice owns its buffer: RPC ships all of it. */
const restOf = (edit: VectorEdit, done: number, dimensions: number): VectorEdit =>
  edit.kind === 'values' && done > 0 ? { kind: 'values', values: edit.values.slice(done * dimensions) } : edit;
