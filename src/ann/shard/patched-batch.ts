import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Selection } from '../filter/selection.ts';
import { editedMetadata } from '../metadata-edit.ts';
import type { Patched, ShardPatch, UpsertBatch, VectorColumns } from '../shard-protocol.ts';
import type { Row, VectorPlace } from '../stored-vector.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { VectorReader } from '../store/vector-reader.ts';

/** What a slice of a change does: it replaces some vectors by a batch, and leaves the others as they are. */
interface PatchedBatch extends Omit<Patched, 'lsn'> {
  readonly batch: UpsertBatch;
  readonly replaced: readonly VectorPlace[];
}

const EVERYTHING = { values: true, metadata: true, text: true, contents: true };

/** As many of a change's vectors as one slice takes, changed. Refuses with `limit_exceeded` metadata that outgrows a limit. */
export function patchedBatch(
  store: VectorReader,
  namespace: number,
  among: Selection | undefined,
  patch: ShardPatch,
  header: ShardHeader,
): Outcome<PatchedBatch> {
  const slice = readSlice(store, namespace, among, patch.ids, header);
  const { rows, columns, taken, missing } = slice;
  const { dimensions } = header;
  const edited: string[] = [];
  const [changed, metadata]: [number[], (string | null)[]] = [[], []];
  for (const [i, id] of columns.ids.entries()) {
    const before = columns.metadata?.[i] ?? null;
    const after = editedMetadata(id, before, patch.edit);
    if (!after.ok) return after;
    edited.push(id);
    if (patch.edit.kind !== 'values' && after.value === before) continue;
    changed.push(i);
    metadata.push(after.value);
  }
  const values = new Float32Array(changed.length * dimensions);
  const source = valuesSource(patch, columns);
  for (const [to, i] of changed.entries()) {
    const from = source.placeOf(i) * dimensions;
    values.set(source.values.subarray(from, from + dimensions), to * dimensions);
  }
  const batch = {
    indexId: patch.indexId,
    ids: changed.map((i) => must(columns.ids[i], 'a changed vector was read')),
    namespaces: changed.map(() => patch.namespace),
    values,
    metadata,
    texts: changed.map((i) => (patch.edit.kind === 'values' ? null : (columns.texts?.[i] ?? null))),
    contents: changed.map((i) => columns.contents?.[i] ?? null),
    repetition: null,
  };
  const replaced = changed.map((i) => ({ row: must(rows[i], 'a changed vector has a row'), namespace }));
  return ok({ batch, replaced, count: edited.length, taken, missing });
}

interface Slice extends Pick<Patched, 'taken' | 'missing'> {
  readonly rows: readonly Row[];
  readonly columns: VectorColumns;
}

/** What is stored under the first ids, as many as a slice may hold in memory. */
function readSlice(
  store: VectorReader,
  namespace: number,
  among: Selection | undefined,
  ids: readonly string[],
  header: ShardHeader,
): Slice {
  const countMax = Math.min(VECTOR_LIMITS.patchSliceMaxCount, Math.floor(VECTOR_LIMITS.patchSliceFloatsMaxCount / header.dimensions));
  for (let taken = Math.min(ids.length, countMax); ; taken = Math.ceil(taken / 2)) {
    const stored = store.rowsOf(namespace, ids.slice(0, taken));
    const rows = stored.filter((row) => among?.has(row) !== false);
    const columns = store.columns(rows, EVERYTHING, header, VECTOR_LIMITS.retrievalReplyBytesMax);
    // One vector always fits.
    if (columns === undefined) continue;
    const there = new Set(store.idsOf(stored).map(({ id }) => id));
    return { rows, columns, taken, missing: ids.slice(0, taken).filter((id) => !there.has(id)) };
  }
}

/** Where the values of the i-th vector read are. */
function valuesSource({ edit, ids }: ShardPatch, columns: VectorColumns): { values: Float32Array; placeOf: (i: number) => number } {
  if (edit.kind !== 'values') return { values: must(columns.values, 'values were read'), placeOf: (i) => i };
  const places = new Map(ids.map((id, at) => [id, at]));
  return { values: edit.values, placeOf: (i) => must(places.get(columns.ids[i] ?? ''), 'only vectors of the patch were read') };
}
