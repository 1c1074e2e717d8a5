import type { MetadataEdit } from '../../../../src/ann/metadata-edit.ts';
import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { FieldPath } from '../../../../src/contract/api/field-path.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { NewPoint } from '../../../../src/contract/qdrant/points.ts';
import type { PointSelection } from '../../../../src/contract/qdrant/selectors.ts';
import type { IndexRef } from '../../../../src/gateway/indexes/index-ref.ts';
import type { RowPaths } from '../../../../src/gateway/vectors/vector-space.ts';
import { withoutTexts } from '../../../../src/gateway/vectors/vector-space.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { PointCall, WritingCall } from './call.ts';
import { inQdrantWords, pointNotFound } from './call.ts';

/** A change of the points of a collection. */
export type PointWrite =
  | { readonly kind: 'upsert'; readonly points: readonly NewPoint[] }
  | { readonly kind: 'delete'; readonly selection: PointSelection }
  | { readonly kind: 'edit'; readonly selection: PointSelection; readonly edit: MetadataEdit; readonly mustExist: boolean }
  | { readonly kind: 'values'; readonly points: readonly MovedPoint[] };

/** A point that gets another vector. */
interface MovedPoint {
  readonly id: string;
  readonly vector: Float32Array<ArrayBuffer>;
  readonly path: FieldPath;
}

/** A change that is done: the write it ended with, and how many vectors it wrote. */
export interface DoneWrite {
  readonly lsn: number;
  readonly written: number;
}

/** Does a change in slices, each all or none, in one collection. A refusal names the fields as Qdrant does. */
export function writePoints(call: WritingCall, collection: IndexRef, write: PointWrite): Promise<Outcome<DoneWrite>> {
  return call.gateway.retrieval.indexes.onOne(call.principal, collection, (pin) => {
    switch (write.kind) {
      case 'upsert':
        return upsertPoints(call, pin, write.points);
      case 'delete':
        return deletePoints(call, pin, write.selection);
      case 'edit':
        return editPayloads(call, pin, write);
      case 'values':
        return setVectors(call, pin, write.points);
    }
  });
}

/** What was written of a change that was refused midway. */
export const writtenOf = ({ kind }: PointWrite, { applied = 0 }: Refusal): number => (kind === 'delete' ? 0 : applied);

async function upsertPoints(call: WritingCall, collection: IndexRef, points: readonly NewPoint[]): Promise<Outcome<DoneWrite>> {
  const distinct = lastOfEach(points);
  if (distinct.length === 0) return stateOf(call, collection);
  const reserved = await call.reserve({ vectors_written: distinct.length });
  if (!reserved.ok) return reserved;
  const vectors = distinct.map(({ id, values, payload: metadata }) => ({ id, values, namespace: '', metadata }));
  const written = await call.gateway.retrieval.upserts.upsert(withoutTexts(call), collection, {
    vectors,
    pathsOf: (at) => pathsOf(distinct[at]),
  });
  return written.ok ? ok({ lsn: written.value.lsn, written: distinct.length }) : inQdrantWords(written.error);
}

/** Of several points with one id, the last; each keeps its position in the request. */
const lastOfEach = <T extends { readonly id: string }>(points: readonly T[]): T[] => [
  ...new Map(points.map((point) => [point.id, point])).values(),
];

/** Points stand in a list, or have their parts in lists of a batch. */
function pathsOf(point: { readonly path: FieldPath } | undefined): RowPaths {
  const values = point?.path ?? ['points'];
  const partOf = (own: string, ofBatch: string): FieldPath =>
    values[0] === 'batch' ? ['batch', ofBatch, ...values.slice(2)] : [...values.slice(0, -1), own];
  return { values, id: partOf('id', 'ids'), metadata: partOf('payload', 'payloads'), text: ['points'], fields: ['points'] };
}

export async function deletePoints(call: PointCall, collection: IndexRef, selection: PointSelection): Promise<Outcome<DoneWrite>> {
  if ('ids' in selection && selection.ids.length === 0) return stateOf(call, collection);
  const asked = 'ids' in selection ? { ids: [...selection.ids] } : { filter: selection.filter };
  const deleted = await call.gateway.retrieval.vectors.delete(withoutTexts(call), collection, { ...asked, namespace: '' });
  return deleted.ok ? ok({ lsn: deleted.value.lsn, written: 0 }) : inQdrantWords(deleted.error);
}

async function editPayloads(
  call: WritingCall,
  collection: IndexRef,
  { selection, edit, mustExist }: Extract<PointWrite, { kind: 'edit' }>,
): Promise<Outcome<DoneWrite>> {
  if ('ids' in selection && mustExist) {
    const missing = await refuseMissing(call, collection, selection.ids);
    if (missing !== undefined) return missing;
  }
  const { changes } = call.gateway.retrieval;
  const selected =
    'ids' in selection ? { kind: 'ids' as const, ids: selection.ids } : { kind: 'filter' as const, filter: selection.filter };
  const changed = await changes.editMetadata(call, collection, { namespace: '', ...selected }, edit, (count) =>
    call.reserve({ vectors_written: count }),
  );
  return changed.ok ? ok({ lsn: changed.value.lsn, written: changed.value.count }) : inQdrantWords(changed.error);
}

async function setVectors(
  call: WritingCall,
  collection: IndexRef,
  points: Extract<PointWrite, { kind: 'values' }>['points'],
): Promise<Outcome<DoneWrite>> {
  const distinct = lastOfEach(points);
  if (distinct.length === 0) return stateOf(call, collection);
  const missing = await refuseMissing(
    call,
    collection,
    distinct.map(({ id }) => id),
  );
  if (missing !== undefined) return missing;
  const reserved = await call.reserve({ vectors_written: distinct.length });
  if (!reserved.ok) return reserved;
  const vectors = distinct.map(({ id, vector, path }) => ({ id, values: vector, paths: pathsOf({ path }) }));
  const changed = await call.gateway.retrieval.changes.setValues(call, collection, '', vectors);
  return changed.ok ? ok({ lsn: changed.value.lsn, written: changed.value.count }) : inQdrantWords(changed.error);
}

/** Before anything is written: a point that is named has to be there. */
async function refuseMissing(call: PointCall, collection: IndexRef, ids: readonly string[]) {
  for (let at = 0; at < ids.length; at += VECTOR_LIMITS.vectorIdsMaxCount) {
    const slice = ids.slice(at, at + VECTOR_LIMITS.vectorIdsMaxCount);
    const found = await call.gateway.retrieval.vectors.fetch(withoutTexts(call), collection, {
      ids: slice,
      namespace: '',
      ...IDS_ONLY,
    });
    if (!found.ok) return inQdrantWords(found.error);
    const there = new Set(found.value.ids);
    const missing = slice.find((id) => !there.has(id));
    if (missing !== undefined) return pointNotFound(missing, 'points');
  }
  return undefined;
}

const IDS_ONLY = {
  consistency: 'strong' as const,
  include_values: false,
  include_metadata: false,
  include_text: false,
  include_fields: false,
};

/** Without anything to do: where the collection stands. */
async function stateOf(call: PointCall, collection: IndexRef): Promise<Outcome<DoneWrite>> {
  const state = await call.gateway.retrieval.vectors.fetch(withoutTexts(call), collection, {
    ids: [],
    namespace: '',
    ...IDS_ONLY,
  });
  return state.ok ? ok({ lsn: state.value.lsn, written: 0 }) : inQdrantWords(state.error);
}
