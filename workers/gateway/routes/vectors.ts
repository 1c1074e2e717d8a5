import type { VectorColumns } from '../../../src/ann/shard-protocol.ts';
import type { StoredVectorReply } from '../../../src/contract/vectors.ts';
import { recallEndpoints } from '../../../src/contract/recall.ts';
import { vectorEndpoints } from '../../../src/contract/vectors.ts';
import type { TokensUsed } from '../../../src/gateway/vector-space.ts';
import type { OnIndex } from '../../../src/gateway/vectors.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';
import { explanationReply } from './explanation-reply.ts';
import { recallReply } from './recall-reply.ts';

export const vectorRoutes: readonly Route[] = [
  route(vectorEndpoints.upsertVectors, async (call) => {
    const { gateway, params, body, idempotencyKey } = call;
    const reserved = await call.reserve({ vectors_written: body.vectors.length });
    if (!reserved.ok) return reserved;
    const written = await gateway.retrieval.vectors.upsert(call, params.index, body, idempotencyKey);
    if (!written.ok) return written;
    const { count, lsn, manifest } = written.value;
    return {
      ok: true,
      reply: { upserted: count, lsn },
      ...(idempotencyKey === undefined ? {} : { usageId: `${manifest.id}:${lsn}` }),
      used: { vectors_written: count, ...tokenMeters(written.value) },
      ...indexed(written.value),
    };
  }),

  route(vectorEndpoints.queryVectors, async (call) => {
    const { gateway, params, body } = call;
    const reserved = await call.reserve({ vector_queries: 1 });
    if (!reserved.ok) return reserved;
    const found = await call.timing.of('search', gateway.retrieval.vectors.query(call, params.index, body));
    if (!found.ok) return found;
    const { scores, lsn, explanation } = found.value;
    const matches = vectorReplies(found.value).map((vector, i) => ({ ...vector, score: must(scores[i], 'every match has a score') }));
    return {
      ok: true,
      reply: { matches, lsn, ...(explanation === undefined ? {} : { explanation: explanationReply(explanation) }) },
      used: { vector_queries: 1, ...tokenMeters(found.value) },
      ...indexed(found.value),
    };
  }),

  route(recallEndpoints.measureRecall, async (call) => {
    const { gateway, params, principal, body } = call;
    const reserved = await call.reserve({ vector_queries: body.samples });
    if (!reserved.ok) return reserved;
    const measured = await call.timing.of('search', gateway.retrieval.recall.measure(principal.tenantId, params.index, body));
    if (!measured.ok) return measured;
    const used = { vector_queries: measured.value.sampleCount };
    return { ok: true, reply: recallReply(measured.value, body.top_k), used, ...indexed(measured.value) };
  }),

  route(vectorEndpoints.fetchVectors, async (call) => {
    const found = await call.gateway.retrieval.vectors.fetch(call, call.params.index, call.body);
    if (!found.ok) return found;
    return { ok: true, reply: { vectors: vectorReplies(found.value), lsn: found.value.lsn }, used: {}, ...indexed(found.value) };
  }),

  route(vectorEndpoints.deleteVectors, async (call) => {
    const deleted = await call.gateway.retrieval.vectors.delete(call, call.params.index, call.body);
    if (!deleted.ok) return deleted;
    const { count, lsn } = deleted.value;
    return { ok: true, reply: { deleted: count, lsn }, used: {}, ...indexed(deleted.value) };
  }),
];

const tokenMeters = ({ tokens, cachedTokens }: TokensUsed) => ({
  embedding_tokens: tokens - cachedTokens,
  embedding_cached_tokens: cachedTokens,
});

/** Which state of the index answered; and the model, when the index has one, so that usage is booked under it. */
function indexed({ manifest, lsn }: OnIndex<{ readonly lsn: number }>) {
  const headers = { 'x-sluice-index-lsn': String(lsn), 'x-sluice-index-generation': String(manifest.generation) };
  return manifest.embedding === null ? { headers } : { headers, model: manifest.embedding.model };
}

function vectorReplies({ ids, values, metadata, texts, manifest }: OnIndex<VectorColumns>): StoredVectorReply[] {
  const { dimensions } = manifest;
  return ids.map((id, i) => ({
    id,
    ...(values === null ? {} : { values: [...values.subarray(i * dimensions, (i + 1) * dimensions)] }),
    ...(metadata === null ? {} : { metadata: metadataOf(metadata[i] ?? null) }),
    ...(texts === null ? {} : { text: texts[i] ?? null }),
  }));
}

/** Stored only after it was validated as a JSON object. */
const metadataOf = (json: string | null) => (json === null ? null : (JSON.parse(json) as Record<string, unknown>));
