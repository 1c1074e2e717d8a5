import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Selection } from '../filter/selection.ts';
import { editedRows } from '../row-edit.ts';
import { sliceCountOf } from '../vector-edit.ts';
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

/** As many of a change's vectors as one slice takes, changed. Refuses with `limit_exceeded` what outgrows a limit. */
export function patchedBatch(
  store: VectorReader,
  namespace: number,
  among: Selection | undefined,
  patch: ShardPatch,
  header: ShardHeader,
): Outcome<PatchedBatch> {
  const { rows, columns, taken, missing } = readSlice(store, namespace, among, patch, header);
  const edited = editedRows(columns, [...rows.keys()], patch, header);
  if (!edited.ok) return edited;
  const batch = { indexId: patch.indexId, ...edited.value.rows, repetition: null };
  const replaced = edited.value.positions.map((at) => ({ row: must(rows[at], 'a changed vector has a row'), namespace }));
  return ok({ batch, replaced, count: rows.length, taken, missing });
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
  { ids, edit }: ShardPatch,
  header: ShardHeader,
): Slice {
  for (let taken = sliceCountOf(edit, 0, ids.length, header.dimensions); ; taken = Math.ceil(taken / 2)) {
    const stored = store.rowsOf(namespace, ids.slice(0, taken));
    const rows = stored.filter((row) => among?.has(row) !== false);
    const columns = store.columns(rows, EVERYTHING, header, VECTOR_LIMITS.retrievalReplyBytesMax);
    // One vector always fits.
    if (columns === undefined) continue;
    const there = new Set(store.idsOf(stored).map(({ id }) => id));
    return { rows, columns, taken, missing: ids.slice(0, taken).filter((id) => !there.has(id)) };
  }
}
