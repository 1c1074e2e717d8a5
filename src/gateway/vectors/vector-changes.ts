import type { AnswerOf } from '../../ann/shard-operations.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import type { MetadataEdit } from '../../ann/metadata-edit.ts';
import type { Written } from '../../ann/shard-protocol.ts';
import type { FieldsEdit, VectorEdit } from '../../ann/vector-edit.ts';
import { sliceCountOf, sliceOf } from '../../ann/vector-edit.ts';
import type { Filter } from '../../contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { OnIndex } from './vectors.ts';
import { afterSome } from './vectors.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { IndexRef } from '../indexes/index-ref.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { FieldValues } from '../../contract/vectors/field-values.ts';
import type { FieldEncoding, FieldRow, FieldSpace } from './field-space.ts';
import { checkUnset } from './row-contents.ts';
import type { EmbeddedPoints, EmbeddingCaller, PointPaths, VectorSpace } from './vector-space.ts';
import { bothEmbedded, NOTHING_EMBEDDED, withoutTexts } from './vector-space.ts';
import { Composed } from '../api/composed.ts';
import { checkOwnEdit, checkOwnIds, ofOwnRows } from './visible/own-rows.ts';

/** Stored vectors of a namespace: those with these ids, or those that a filter accepts. */
export type StoredSelection =
  | { readonly kind: 'ids'; readonly namespace: string; readonly ids: readonly string[] }
  | { readonly kind: 'filter'; readonly namespace: string; readonly filter: Filter };

export interface ChangedVectors extends Written {
  /** Ids that were named and are not there. */
  readonly missing: readonly string[];
}

/** A vector that gets new values; null: none. */
export interface NewValues {
  readonly id: string;
  readonly values: Float32Array<ArrayBuffer> | null;
  readonly paths: PointPaths;
}

interface VectorChangesParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly space: VectorSpace;
  readonly fields: FieldSpace;
}

/** Values that fields of vectors get, and fields whose values go. */
interface NewFieldValues {
  readonly set?: FieldValues | undefined;
  readonly unset?: readonly string[] | undefined;
}

/** Vectors that get the same, or each its own; no id twice. */
export type FieldsChange =
  | ({ readonly kind: 'same'; readonly selection: StoredSelection } & NewFieldValues)
  | { readonly kind: 'each'; readonly namespace: string; readonly vectors: readonly ({ readonly id: string } & NewFieldValues)[] };

/** Reserves what so many written vectors cost. */
type ReserveWrites = (count: number) => Promise<Outcome<unknown>>;

const NOTHING_INCLUDED = { values: false, metadata: false, text: false };

/** Changes stored vectors in their shards, slice by slice. */
export class VectorChanges extends Composed<VectorChangesParts> {
  /** Refuses as the shards do. */
  editMetadata(
    caller: Acting,
    index: IndexRef,
    selection: StoredSelection,
    edit: MetadataEdit,
    reserve: ReserveWrites,
  ): Promise<Outcome<OnIndex<ChangedVectors>>> {
    return onIndex(this.parts.manifests, caller.principal, index, async (manifest) => {
      const own = checkOwnEdit(edit);
      if (!own.ok) return own;
      const changed = await this.#edit(caller, manifest, selection, edit, reserve);
      return changed.ok ? ok({ ...changed.value, manifest }) : changed;
    });
  }

  /**
   * Texts are encoded once of what is the same for all; too long ones are refused, or cut where it is truncating. All is checked before the
   * first is changed: refuses what does not fit the fields, naming it; else as embedders and shards do.
   */
  editFields(
    caller: EmbeddingCaller,
    index: IndexRef,
    change: FieldsChange,
    isTruncating: boolean,
    reserve: ReserveWrites,
  ): Promise<Outcome<OnIndex<ChangedVectors & EmbeddedPoints>>> {
    return onIndex(this.parts.manifests, caller.principal, index, async (manifest) => {
      const encoding = { ...caller, isTruncating };
      if (change.kind === 'each') return this.#editEach(encoding, manifest, change, reserve);
      const fits = checkChange(manifest, change, []);
      if (!fits.ok) return fits;
      const made = await this.#edits(encoding, manifest, [{ ...change, at: [] }]);
      if (!made.ok) return made;
      const { edits, ...used } = made.value;
      const edit = { kind: 'fields', ...must(edits[0], 'one change was made') } as const;
      const changed = await this.#edit(caller, manifest, change.selection, edit, reserve);
      return changed.ok ? ok({ ...changed.value, ...used, manifest }) : changed;
    });
  }

  async #editEach(
    encoding: EmbeddingCaller & FieldEncoding,
    manifest: IndexManifest,
    { namespace, vectors }: Extract<FieldsChange, { kind: 'each' }>,
    reserve: ReserveWrites,
  ): Promise<Outcome<OnIndex<ChangedVectors & EmbeddedPoints>>> {
    const own = checkOwnIds(idsOf(vectors), ofVectors);
    if (!own.ok) return own;
    const placed = vectors.map((vector, i) => ({ ...vector, at: ['vectors', i] }));
    for (const vector of placed) {
      const known = checkChange(manifest, vector, vector.at);
      const fits = known.ok ? this.parts.fields.check(manifest.fields, [rowOf(vector)]) : known;
      if (!fits.ok) return fits;
    }
    const reserved = await reserve(vectors.length);
    if (!reserved.ok) return reserved;
    let [done, used]: [ChangedVectors, EmbeddedPoints] = [{ count: 0, lsn: 0, missing: [] }, NOTHING_EMBEDDED];
    for (let from = 0; from < placed.length; from += VECTOR_LIMITS.patchSliceMaxCount) {
      const slice = placed.slice(from, from + VECTOR_LIMITS.patchSliceMaxCount);
      const made = await this.#edits(encoding, manifest, slice);
      if (!made.ok) return err(afterSome(made.error, done.count));
      const { edits, cut, ...tokens } = made.value;
      used = bothEmbedded(used, { ...tokens, cut: cut.map((one) => ({ ...one, index: from + one.index })) });
      const ids = slice.map(({ id }) => id);
      const changed = await this.#patch(encoding, manifest, { namespace, ids, filter: null }, { kind: 'each_fields', edits }, done.count);
      if (!changed.ok) return changed;
      const { count, lsn, missing } = changed.value;
      done = { count: done.count + count, lsn, missing: [...done.missing, ...missing] };
    }
    return ok({ ...done, ...used, manifest });
  }

  /** What is changed of each, in their order, with the numbers that models make of texts. */
  async #edits(
    encoding: FieldEncoding,
    manifest: IndexManifest,
    changes: readonly PlacedChange[],
  ): Promise<Outcome<EmbeddedPoints & { readonly edits: readonly FieldsEdit[] }>> {
    const held = await this.parts.fields.contentsOf(encoding, manifest.fields, changes.map(rowOf));
    if (!held.ok) return held;
    const { contents = [], ...used } = held.value;
    return ok({ ...used, edits: changes.map(({ unset = [] }, i) => ({ set: contents[i] ?? '{}', unset })) });
  }

  /** No id twice. Refuses what does not fit the index, naming the vector; else as the shards do. */
  setValues(caller: Acting, index: IndexRef, namespace: string, vectors: readonly NewValues[]): Promise<Outcome<OnIndex<ChangedVectors>>> {
    const { manifests, space } = this.parts;
    return onIndex(manifests, caller.principal, index, async (manifest) => {
      const own = checkOwnIds(idsOf(vectors), ofVectors);
      if (!own.ok) return own;
      const fits = await space.check(manifest, undefined, vectors);
      if (!fits.ok) return fits;
      let done: ChangedVectors = { count: 0, lsn: 0, missing: [] };
      const sliceCount = Math.max(1, Math.floor(VECTOR_LIMITS.patchSliceFloatsMaxCount / manifest.dimensions));
      for (let from = 0; from < vectors.length; from += sliceCount) {
        const slice = vectors.slice(from, from + sliceCount);
        const placed = await space.place(withoutTexts(caller), manifest, undefined, slice);
        if (!placed.ok) return err(afterSome(placed.error, from));
        const ids = slice.map(({ id }) => id);
        const { values, vectorless } = placed.value;
        const written: VectorEdit = { kind: 'values', values, ...(vectorless === undefined ? {} : { vectorless }) };
        const changed = await this.#patch(caller, manifest, { namespace, ids, filter: null }, written, from);
        if (!changed.ok) return changed;
        const { count, lsn, missing } = changed.value;
        done = { count: done.count + count, lsn, missing: [...done.missing, ...missing] };
      }
      return ok({ ...done, manifest });
    });
  }

  async #edit(
    caller: Acting,
    manifest: IndexManifest,
    selection: StoredSelection,
    edit: VectorEdit,
    reserve: ReserveWrites,
  ): Promise<Outcome<ChangedVectors>> {
    const { namespace } = selection;
    if (selection.kind === 'filter') return this.#patchAccepted(caller, manifest, namespace, ofOwnRows(selection.filter), edit, reserve);
    const own = checkOwnIds(selection.ids, (at) => ['ids', at]);
    if (!own.ok) return own;
    const ids = [...new Set(selection.ids)];
    const reserved = await reserve(ids.length);
    return reserved.ok ? this.#patch(caller, manifest, { namespace, ids, filter: null }, edit, 0) : reserved;
  }

  /** Finds what the filter accepts by pages of ids; each is changed only if it is accepted still. */
  async #patchAccepted(
    caller: Acting,
    manifest: IndexManifest,
    namespace: string,
    filter: Filter,
    edit: VectorEdit,
    reserve: ReserveWrites,
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
      const taken = sliceCountOf(edit, done, ids.length, manifest.dimensions);
      const slice = { ids: ids.slice(done, done + taken), edit: sliceOf(edit, done, taken, manifest.dimensions) };
      const patched = await this.parts.shards.of(manifest).write('patch', { indexId: manifest.id, namespace, filter, ...slice }, authority);
      if (!patched.ok) return err(afterSome(patched.error, before + count));
      count += patched.value.count;
      missing.push(...patched.value.missing);
      done += patched.value.taken;
      if (done >= ids.length) return ok({ count, lsn: patched.value.lsn, missing });
    }
  }
}

const idsOf = (vectors: readonly { readonly id: string }[]): string[] => vectors.map(({ id }) => id);

const ofVectors = (at: number): FieldPath => ['vectors', at, 'id'];

/** A change, and where it stands in the request. */
type PlacedChange = NewFieldValues & { readonly at: FieldPath };

const rowOf = ({ set, at }: PlacedChange): FieldRow => ({ fields: set, at: [...at, 'set'] });

/** Refuses fields that cannot be unset, and those that are to be set, too. */
function checkChange({ fields }: IndexManifest, { set, unset = [] }: NewFieldValues, at: FieldPath): Outcome<null> {
  for (const [i, name] of unset.entries()) {
    const path = [...at, 'unset', i];
    const known = checkUnset(fields, name, path);
    if (!known.ok) return known;
    if (set?.has(name) === true) return refuse('invalid_value', 'is in `set`, too', path);
  }
  return ok(null);
}
