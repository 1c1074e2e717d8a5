import type { MetadataEdit } from '../../../../src/ann/metadata-edit.ts';
import type { Refusal } from '../../../../src/contract/api/errors.ts';
import type { TruncateField } from '../../../../src/contract/embeddings/truncation.ts';
import { isTruncating, truncatedReply } from '../../../../src/contract/embeddings/truncation.ts';
import { DEADLINE_HEADER } from '../../../../src/contract/api/reading.ts';
import type { MetadataBody } from '../../../../src/contract/vectors/vector-changes.ts';
import type { ChangedVectors, FieldsChange, StoredSelection } from '../../../../src/gateway/vectors/vector-changes.ts';
import type { FoundMatches } from '../../../../src/gateway/vectors/query-kind.ts';
import { batchPaths } from '../../../../src/gateway/vectors/vector-space.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import { includeOf } from '../../../../src/gateway/vectors/vectors.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { VectorWriter } from '../../pipeline/vector-writer.ts';
import { searchedWith, termsOf } from './search-replies.ts';
import { explanationReply, indexed, recallReply, tokenMeters, vectorReplies } from './vector-replies.ts';

export const vectorHandlers = {
  upsertVectors: async (call) => {
    const { gateway, params, body, idempotencyKey } = call;
    const reserved = await call.reserve({ vectors_written: body.vectors.length });
    if (!reserved.ok) return reserved;
    const written = await gateway.retrieval.upserts.upsert(call, params.index, { ...body, idempotencyKey });
    if (!written.ok) return { ...written, used: appliedMeters(written.error, idempotencyKey) };
    const { count, lsn, usageId } = written.value;
    return {
      ok: true,
      reply: { upserted: count, ...truncatedReply(body.truncate, written.value.cut), lsn },
      ...(usageId === undefined ? {} : { usageId }),
      used: { vectors_written: count, ...tokenMeters(written.value) },
      ...indexed(written.value),
    };
  },

  queryVectors: async (call) => {
    const { gateway, params, body } = call;
    const reserved = await call.reserve({ vector_queries: 1 });
    if (!reserved.ok) return reserved;
    const { [DEADLINE_HEADER]: budgetMs } = call.options;
    const search = gateway.retrieval.queries.query(call, params.index, body, termsOf(call.options), budgetMs);
    const answered = await call.timing.of('search', search);
    if (!answered.ok) return answered;
    return {
      ok: true,
      reply: queryReply(must(answered.value.answers[0], 'each search has an answer'), call.vectors, body.truncate),
      ...searchedWith(answered.value, oneEach),
    };
  },

  queryVectorsBatch: async (call) => {
    const { gateway, params, body } = call;
    const reserved = await call.reserve({ vector_queries: body.searches.length });
    if (!reserved.ok) return reserved;
    const { [DEADLINE_HEADER]: budgetMs } = call.options;
    const asked = body.searches.map((search, i) => ({ body: search, at: ['searches', i] }));
    const search = gateway.retrieval.queries.search(call, params.index, asked, termsOf(call.options), budgetMs);
    const answered = await call.timing.of('search', search);
    if (!answered.ok) return answered;
    const { answers } = answered.value;
    return {
      ok: true,
      reply: { results: answers.map((one, i) => queryReply(one, call.vectors, body.searches[i]?.truncate)) },
      ...searchedWith(answered.value, oneEach),
    };
  },

  measureRecall: async (call) => {
    const { gateway, params, principal, body } = call;
    const reserved = await call.reserve({ vector_queries: body.samples });
    if (!reserved.ok) return reserved;
    const measured = await call.timing.of('search', gateway.retrieval.recall.measure(principal, params.index, body));
    if (!measured.ok) return measured;
    const used = { vector_queries: measured.value.sampleCount };
    return { ok: true, reply: recallReply(measured.value, body.top_k), used, ...indexed(measured.value) };
  },

  fetchVectors: async (call) => {
    const found = await call.gateway.retrieval.vectors.fetch(call, call.params.index, call.body);
    if (!found.ok) return found;
    return {
      ok: true,
      reply: { vectors: vectorReplies(found.value, call.vectors), lsn: found.value.lsn },
      used: {},
      ...indexed(found.value),
    };
  },

  deleteVectors: async (call) => {
    const deleted = await call.gateway.retrieval.vectors.delete(call, call.params.index, call.body);
    if (!deleted.ok) return deleted;
    const { count, lsn } = deleted.value;
    return { ok: true, reply: { deleted: count, lsn }, used: {}, ...indexed(deleted.value) };
  },

  listVectors: async ({ gateway, principal, params, body, vectors }) => {
    const { namespace, filter = null, after, limit } = body;
    const start = after === undefined ? null : { id: after, isIncluded: false };
    const include = includeOf(body);
    const query = { namespace, filter, start, limit, include };
    const listed = await gateway.retrieval.listing.list(principal, params.index, query);
    if (!listed.ok) return listed;
    const reply = { vectors: vectorReplies(listed.value, vectors), has_more: listed.value.following !== null, lsn: listed.value.lsn };
    return { ok: true, reply, used: {}, ...indexed(listed.value) };
  },

  countVectors: async ({ gateway, principal, params, body: { namespace, filter = null } }) => {
    const counted = await gateway.retrieval.listing.count(principal, params.index, namespace, filter);
    if (!counted.ok) return counted;
    const { count, lsn } = counted.value;
    return { ok: true, reply: { count, lsn }, used: {}, ...indexed(counted.value) };
  },

  updateMetadata: async (call) => {
    const { gateway, params, body } = call;
    const reserve = (count: number) => call.reserve({ vectors_written: count });
    const changed = await gateway.retrieval.changes.editMetadata(call, params.index, selectionOf(body), editOf(body), reserve);
    return changed.ok ? updated(changed.value) : changed;
  },

  updateFields: async (call) => {
    const { gateway, params, body } = call;
    const { namespace, vectors, set, unset, truncate } = body;
    const reserve = (count: number) => call.reserve({ vectors_written: count });
    const change: FieldsChange =
      vectors === undefined ? { kind: 'same', selection: selectionOf(body), set, unset } : { kind: 'each', namespace, vectors };
    const changed = await gateway.retrieval.changes.editFields(call, params.index, change, isTruncating(truncate), reserve);
    if (!changed.ok) return changed;
    const { reply, used, ...rest } = updated(changed.value);
    const cut = truncatedReply(truncate, changed.value.cut);
    return { ...rest, reply: { ...reply, ...cut }, used: { ...used, ...tokenMeters(changed.value) } };
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

function queryReply({ found, manifest }: OnIndex<{ readonly found: FoundMatches }>, writer: VectorWriter, truncate: TruncateField) {
  const { scores, lsn, missing, explanation, cut } = found;
  return {
    matches: vectorReplies({ ...found, manifest }, writer).map((vector, i) => ({
      ...vector,
      score: must(scores[i], 'every match has a score'),
    })),
    lsn,
    ...partialReply(missing),
    ...truncatedReply(truncate, cut),
    ...(explanation === undefined ? {} : { explanation: explanationReply(explanation) }),
  };
}

const partialReply = (missing: readonly number[] | undefined) =>
  missing === undefined ? {} : { partial: true as const, missing_shards: [...missing] };

/** What a query counts as. */
const oneEach = (): number => 1;

/** What was written of a call that was refused midway. Under a key, its repetition is billed whole. */
const appliedMeters = ({ applied = 0 }: Refusal, idempotencyKey: string | undefined) => ({
  vectors_written: idempotencyKey === undefined ? applied : 0,
});

const updated = (changed: OnIndex<ChangedVectors>) => ({
  ok: true as const,
  reply: { updated: changed.count, lsn: changed.lsn },
  used: { vectors_written: changed.count },
  ...indexed(changed),
});

function selectionOf({ ids, filter, namespace }: Pick<MetadataBody, 'ids' | 'filter' | 'namespace'>): StoredSelection {
  if (ids !== undefined) return { kind: 'ids', namespace, ids };
  return { kind: 'filter', namespace, filter: must(filter, 'the schema asks for ids or a filter') };
}

function editOf({ set, at, unset, replace = null }: MetadataBody): MetadataEdit {
  if (set !== undefined) return { kind: 'set', at: at?.split('.') ?? [], fields: set };
  if (unset !== undefined) return { kind: 'unset', paths: unset.map((path) => path.split('.')) };
  return { kind: 'replace', metadata: replace };
}
