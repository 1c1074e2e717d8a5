import type { MetadataEdit } from '../../../src/ann/metadata-edit.ts';
import type { MetadataBody } from '../../../src/contract/vector-changes.ts';
import type { ChangedVectors, StoredSelection } from '../../../src/gateway/vector-changes.ts';
import type { OnIndex } from '../../../src/gateway/vectors.ts';
import { batchPaths } from '../../../src/gateway/vector-space.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { Handlers } from '../serve.ts';
import { indexed } from './vector-replies.ts';

export const vectorChangeHandlers = {
  updateMetadata: async (call) => {
    const { gateway, params, body } = call;
    const reserve = (count: number) => call.reserve({ vectors_written: count });
    const changed = await gateway.retrieval.changes.editMetadata(call, params.index, selectionOf(body), editOf(body), reserve);
    return changed.ok ? updated(changed.value) : changed;
  },

  updateValues: async (call) => {
    const { gateway, params, body } = call;
    const reserved = await call.reserve({ vectors_written: body.vectors.length });
    if (!reserved.ok) return reserved;
    const vectors = body.vectors.map((vector, i) => ({ ...vector, paths: batchPaths(i) }));
    const changed = await gateway.retrieval.changes.setValues(call, params.index, body.namespace, vectors);
    return changed.ok ? updated(changed.value) : changed;
  },
} satisfies Partial<Handlers>;

const updated = (changed: OnIndex<ChangedVectors>) => ({
  ok: true as const,
  reply: { updated: changed.count, lsn: changed.lsn },
  used: { vectors_written: changed.count },
  ...indexed(changed),
});

function selectionOf({ ids, filter, namespace }: MetadataBody): StoredSelection {
  if (ids !== undefined) return { kind: 'ids', namespace, ids };
  return { kind: 'filter', namespace, filter: must(filter, 'the schema asks for ids or a filter') };
}

function editOf({ set, at, unset, replace = null }: MetadataBody): MetadataEdit {
  if (set !== undefined) return { kind: 'set', at: at?.split('.') ?? [], fields: set };
  if (unset !== undefined) return { kind: 'unset', paths: unset.map((path) => path.split('.')) };
  return { kind: 'replace', metadata: replace };
}
