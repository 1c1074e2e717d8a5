import { parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import { TTL_HEADER } from '../../../../src/contract/api/cache-headers.ts';
import { cacheHeaders } from '../../../../src/gateway/caches/cache-report.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { handOverToUpstreams } from './hand-over.ts';

export const rerankHandlers = {
  rerank: async (call) => {
    const { gateway, principal, authority, body, options } = call;
    const { model, query, documents } = body;
    const ranking = await gateway.embeddings.reranker.rerank({
      principal,
      authority,
      model,
      query,
      documents,
      topN: body.top_n,
      directives: parseCacheControl(options['cache-control']),
      ttlMs: options[TTL_HEADER],
      tags: options['cache-tag'],
      reserve: (quantities) => call.reserve(quantities),
    });
    if (!ranking.ok) return handOverToUpstreams(call, '/v1/upstreams/rerank', ranking);
    const { results, tokens, cachedTokens, report, version } = ranking.value;
    return {
      ok: true,
      reply: {
        object: 'list' as const,
        model: ranking.value.model,
        results: results.map(({ index, score }) => ({
          index,
          relevance_score: score,
          ...(body.return_documents ? { document: { text: documents[index] ?? '' } } : {}),
        })),
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      },
      used: { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens },
      model: ranking.value.model,
      headers: {
        'x-sluice-model': `${ranking.value.model}@${version}`,
        ...(report === undefined ? {} : cacheHeaders(report)),
      },
    };
  },
} satisfies Partial<Handlers>;
