import { parseCacheControl } from '../../../src/cache/cache-directives.ts';
import { TTL_HEADER } from '../../../src/contract/cache-headers.ts';
import { DEADLINE_HEADER } from '../../../src/contract/reading.ts';
import type { Refusal } from '../../../src/contract/errors.ts';
import type { HeadersOf } from '../../../src/contract/endpoint.ts';
import type { CacheReport } from '../../../src/gateway/cache-report.ts';
import type { AnswerTerms } from '../../../src/gateway/answer-cache.ts';
import type { vectorEndpoints } from '../../../src/contract/vectors.ts';
import type { TokensUsed } from '../../../src/gateway/vector-space.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { Handlers } from '../serve.ts';
import { cacheHeaders } from './cache-headers.ts';
import { explanationReply } from './explanation-reply.ts';
import { recallReply } from './recall-reply.ts';
import { indexed, vectorReplies } from './vector-replies.ts';

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
      reply: { upserted: count, lsn },
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
    const { found, report } = answered.value;
    const { scores, lsn, missing, explanation } = found;
    const matches = vectorReplies(found).map((vector, i) => ({ ...vector, score: must(scores[i], 'every match has a score') }));
    return {
      ok: true,
      reply: {
        matches,
        lsn,
        ...partialReply(missing),
        ...(explanation === undefined ? {} : { explanation: explanationReply(explanation) }),
      },
      used: { ...queryMeters(report), ...tokenMeters(found) },
      ...indexed(found, report === undefined ? {} : cacheHeaders(report), 'queries'),
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
    return { ok: true, reply: { vectors: vectorReplies(found.value), lsn: found.value.lsn }, used: {}, ...indexed(found.value) };
  },

  deleteVectors: async (call) => {
    const deleted = await call.gateway.retrieval.vectors.delete(call, call.params.index, call.body);
    if (!deleted.ok) return deleted;
    const { count, lsn } = deleted.value;
    return { ok: true, reply: { deleted: count, lsn }, used: {}, ...indexed(deleted.value) };
  },
} satisfies Partial<Handlers>;

/** What the query asks of the cache, if it wants one. */
function termsOf(options: HeadersOf<typeof vectorEndpoints.queryVectors>): AnswerTerms | undefined {
  const { [TTL_HEADER]: ttlMs, 'cache-control': cacheControl, 'cache-tag': tags } = options;
  return ttlMs === undefined ? undefined : { ttlMs, directives: parseCacheControl(cacheControl), tags };
}

const partialReply = (missing: readonly number[] | undefined) =>
  missing === undefined ? {} : { partial: true as const, missing_shards: [...missing] };

const queryMeters = (report: CacheReport | undefined) =>
  report === undefined || report.sources.includes('computed')
    ? { vector_queries: 1, vector_cached_queries: 0 }
    : { vector_queries: 0, vector_cached_queries: 1 };

/** What was written of a call that was refused midway. Under a key, its repetition is billed whole. */
const appliedMeters = ({ applied = 0 }: Refusal, idempotencyKey: string | undefined) => ({
  vectors_written: idempotencyKey === undefined ? applied : 0,
});

const tokenMeters = ({ tokens, cachedTokens }: TokensUsed) => ({
  embedding_tokens: tokens - cachedTokens,
  embedding_cached_tokens: cachedTokens,
});
