import { parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import { TTL_HEADER } from '../../../../src/contract/api/cache-headers.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { rerankEndpoints } from '../../../../src/contract/embeddings/rerank.ts';
import type { TruncateField } from '../../../../src/contract/embeddings/truncation.ts';
import { isTruncating, truncatedReply, withTruncateFlag } from '../../../../src/contract/embeddings/truncation.ts';
import { cacheHeaders } from '../../../../src/gateway/caches/cache-report.ts';
import type { Ranking, RerankRequest } from '../../../../src/gateway/embeddings/rerank.ts';
import type { Call } from '../../pipeline/call.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { truncatedHeader } from './embed-call.ts';
import { handOverToUpstreams } from './hand-over.ts';

/** What every call that ranks has, whichever API's it is. */
interface RankingCall extends Pick<Call<(typeof rerankEndpoints)['rerank']>, 'gateway' | 'principal' | 'authority' | 'options'> {
  readonly reserve: RerankRequest['reserve'];
}

export const rerankHandlers = {
  rerank: async (call) => {
    const { model, query, documents, top_n: topN, return_documents: hasDocuments, truncate } = call.body;
    const ranking = await rankCall(call, { model, query, documents, topN: topN ?? undefined, truncate });
    if (!ranking.ok) return handOverToUpstreams({ ...call, body: withTruncateFlag(call.body) }, '/v1/upstreams/rerank', ranking);
    const { results, tokens, cut } = ranking.value;
    return {
      ...rankedAnswer(ranking.value),
      reply: {
        object: 'list' as const,
        model: ranking.value.model,
        results: results.map(({ index, score }) => ({
          index,
          relevance_score: score,
          ...(hasDocuments ? { document: { text: documents[index] ?? '' } } : {}),
        })),
        usage: { prompt_tokens: tokens, total_tokens: tokens },
        ...truncatedReply(truncate, cut),
      },
    };
  },
  cohereRerank: async (call) => {
    const { model, query, documents, top_n: topN } = call.body;
    const ranking = await rankCall(call, { model, query, documents, topN: topN ?? undefined, truncate: undefined });
    if (!ranking.ok) return handOverToUpstreams(call, '/v1/upstreams/rerank', ranking);
    const { results, tokens } = ranking.value;
    return {
      ...rankedAnswer(ranking.value),
      reply: {
        id: call.requestId,
        results: results.map(({ index, score }) => ({ index, relevance_score: score })),
        meta: { api_version: { version: '2' }, billed_units: { search_units: 1 }, tokens: { input_tokens: tokens } },
      },
    };
  },
} satisfies Partial<Handlers>;

/** The order of a call's documents; refuses as `Reranker.rerank`. */
export const rankCall = (
  { gateway, principal, authority, options, reserve }: RankingCall,
  { truncate, ...wanted }: Pick<RerankRequest, 'model' | 'query' | 'documents' | 'topN'> & { readonly truncate: TruncateField },
): Promise<Outcome<Ranking>> =>
  gateway.embeddings.reranker.rerank({
    ...wanted,
    isTruncating: isTruncating(truncate),
    principal,
    authority,
    directives: parseCacheControl(options['cache-control']),
    ttlMs: options[TTL_HEADER],
    tags: options['cache-tag'],
    reserve,
  });

/** What an answer of a ranking has beside it. */
export const rankedAnswer = ({ tokens, cachedTokens, report, version, model, cut }: Ranking) => ({
  ok: true as const,
  used: { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens },
  model,
  headers: { 'x-sluice-model': `${model}@${version}`, ...truncatedHeader(cut), ...(report === undefined ? {} : cacheHeaders(report)) },
});
