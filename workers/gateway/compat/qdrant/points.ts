import { pointIdOfPath, shownId } from '../../../../src/contract/qdrant/point-id.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { withoutTexts } from '../../../../src/gateway/vectors/vector-space.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { enveloped, inQdrantWords, pointNotFound, updated } from './call.ts';
import { LIMIT_DEFAULT } from './find-points.ts';
import { includeOf, recordsOf } from './records.ts';
import { deletePoints, writePoints } from './write-points.ts';
import { replied } from '../../routes/wire.ts';

const WHOLE = { with_payload: true, with_vector: true } as const;

export const qdrantPointHandlers = {
  qdrantUpsertPoints: async (call) => {
    const done = await writePoints(call, call.params.collection, { kind: 'upsert', points: call.body });
    if (!done.ok) return { ...done, used: { vectors_written: done.error.applied ?? 0 } };
    return { ok: true, reply: enveloped(call, updated(call, done.value.lsn)), used: { vectors_written: done.value.written } };
  },

  qdrantRetrievePoints: async (call) => {
    const { values, metadata, text } = includeOf(call.body);
    const include = { include_values: values, include_metadata: metadata, include_text: text, include_fields: false };
    const asked = { ids: call.body.ids, namespace: '', consistency: 'strong' as const, ...include };
    const found = await call.gateway.retrieval.vectors.fetch(withoutTexts(call), call.params.collection, asked);
    if (!found.ok) return inQdrantWords(found.error);
    return { ok: true, reply: enveloped(call, recordsOf(found.value, call.body)), used: {} };
  },

  qdrantRetrievePoint: async (call) => {
    const id = pointIdOfPath(call.params.id);
    const asked = {
      ids: [id],
      namespace: '',
      consistency: 'strong' as const,
      include_values: true,
      include_metadata: true,
      include_text: false,
      include_fields: false,
    };
    const found = await call.gateway.retrieval.vectors.fetch(withoutTexts(call), call.params.collection, asked);
    if (!found.ok) return inQdrantWords(found.error);
    const [record] = recordsOf(found.value, WHOLE);
    if (record === undefined) return pointNotFound(id, 'id');
    return { ok: true, reply: enveloped(call, record), used: {} };
  },

  qdrantDeletePoints: (call) =>
    replied(deletePoints(call, call.params.collection, call.body), (done) => enveloped(call, updated(call, done.lsn))),

  qdrantScrollPoints: async (call) => {
    const { offset, limit, filter = null } = call.body;
    const start = offset === undefined || offset === null ? null : { id: offset, isIncluded: true };
    const query = { namespace: '', filter, start, limit: limit ?? LIMIT_DEFAULT, include: includeOf(call.body) };
    const page = await call.gateway.retrieval.listing.list(call.principal, call.params.collection, query);
    if (!page.ok) return inQdrantWords(page.error);
    const { following } = page.value;
    const reply = { points: recordsOf(page.value, call.body), next_page_offset: following === null ? null : shownId(following) };
    return { ok: true, reply: enveloped(call, reply), used: {} };
  },

  qdrantCountPoints: async (call) => {
    const { filter = null } = call.body;
    const counted = await call.gateway.retrieval.listing.count(call.principal, call.params.collection, '', filter);
    return counted.ok ? { ok: true, reply: enveloped(call, { count: counted.value.count }), used: {} } : inQdrantWords(counted.error);
  },

  qdrantUpdateVectors: async (call) => {
    const done = await writePoints(call, call.params.collection, { kind: 'values', points: call.body.points });
    if (!done.ok) return { ...done, used: { vectors_written: done.error.applied ?? 0 } };
    return { ok: true, reply: enveloped(call, updated(call, done.value.lsn)), used: { vectors_written: done.value.written } };
  },

  qdrantDeleteVectors: async (call) => {
    const found = await call.gateway.retrieval.indexes.describe(call.principal, call.params.collection);
    if (!found.ok) return inQdrantWords(found.error);
    return refuse('invalid_value', 'a point cannot exist without its vector: delete the point', 'vector');
  },
} satisfies Partial<Handlers>;
