import { must } from '../../../../src/kernel/assert.ts';
import type { Handlers } from '../../pipeline/serve.ts';

export const classifyHandlers = {
  classify: async ({ gateway, principal, body, requestId, reserve }) => {
    const { model, input, top_k: topK } = body;
    const classified = await gateway.models.graphs.classify({ principal, model, requestKey: requestId, texts: input, reserve });
    if (!classified.ok) return classified;
    const { ref, value } = classified.value;
    const tokens = value.tokens.reduce((sum, count) => sum + count, 0);
    const results = input.map((_, index) => {
      const scored = value.labels.map((label, at) => ({
        label,
        score: must(value.scores[index * value.labels.length + at], 'a score a label'),
      }));
      return { index, labels: scored.toSorted((a, b) => b.score - a.score).slice(0, topK) };
    });
    return {
      ok: true,
      reply: { object: 'list' as const, model: ref.model, results, usage: { prompt_tokens: tokens, total_tokens: tokens } },
      used: { embedding_tokens: tokens },
      model: ref.model,
      headers: { 'x-sluice-model': `${ref.model}@${ref.version}` },
    };
  },
} satisfies Partial<Handlers>;
