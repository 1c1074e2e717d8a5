import { expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import type { RerankRequest } from '../../../../src/gateway/embeddings/rerank.ts';
import { Reranker } from '../../../../src/gateway/embeddings/rerank.ts';
import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { manifestOf } from '../../../support/fixtures/model-versions.ts';
import { MemoryCacheWorld, principal } from '../../../support/worlds/memory-cache-world.ts';

const REQUEST = {
  principal: principal('tn_one'),
  authority: IN_FORCE,
  directives: ANY_FRESH,
  query: 'east',
};

const COMPASS: Readonly<Record<string, readonly [number, number]>> = {
  east: [1, 0],
  north: [0, 1],
  'north-east': [0.6, 0.8],
  west: [-1, 0],
  nowhere: [0, 0],
  // Of a length that rounding has made greater than 1.
  askew: [0.8, 0.6000001],
};

/** Ranks by the directions of points of the compass; `cross` is a cross-encoder for which the longer text is the more relevant. */
function world(refuses?: (string | number)[]) {
  const seen: [string[], string | undefined][] = [];
  const scored: string[][] = [];
  const reserved: number[] = [];
  const [manifest] = new MemoryCacheWorld().models.manifests;
  const reranker = new Reranker({
    builtin: [must(manifest, 'a model')],
    embedder: {
      embedInputs: async ({ inputs }, type) => {
        const texts = inputs.map((input) => (input.kind === 'text' ? input.text : ''));
        seen.push([texts, type]);
        if (refuses !== undefined && (refuses[0] !== 'input' || type === 'passage'))
          return refuse('limit_exceeded', 'is too long', refuses);
        const vectors = Float32Array.from(texts.flatMap((text) => must(COMPASS[text], 'a point')));
        const report = { sources: [], agesMs: [] } as never;
        return ok({
          output: 'dense' as const,
          rows: [],
          vectors,
          dimensions: 2,
          manifest: must(manifest, 'a model'),
          tokens: texts.length,
          cut: [],
          cachedTokens: 1,
          report,
        });
      },
    },
    routes: {
      find: async () => {
        const serving = {
          version: 3,
          manifest: manifestOf('a', { task: 'cross-encoder' }),
          contractHash: '',
          createdAtMs: 0,
          runBoundMs: undefined,
        };
        return ok({ kind: 'registered', owner: 'tn_one', model: 'cross', isPinned: false, serving, canary: null });
      },
    },
    inference: {
      score: async (_ref, _query, documents) => {
        scored.push([...documents]);
        const bad = documents.indexOf('bad');
        if (bad !== -1) return refuse('invalid_value', 'is no text', ['documents', bad]);
        return ok({
          scores: Float32Array.from(documents, ({ length }) => length),
          tokens: Int32Array.from(documents, () => 20),
          sharedTexts: 0,
        });
      },
    },
  });
  const rank = (documents: readonly string[], more: Partial<RerankRequest> = {}) =>
    reranker.rerank({
      ...REQUEST,
      model: must(manifest, 'a model').id,
      documents,
      reserve: async ({ embedding_tokens: tokens }) => {
        reserved.push(tokens);
        return ok(undefined);
      },
      ...more,
    });
  return { rank, seen, scored, reserved };
}

it('[M20] documents come in falling order of their cosine, equal ones in the order they were sent', async () => {
  const { rank, seen } = world();
  const documents = ['west', 'north', 'east', 'nowhere', 'north-east', 'east'];
  const ranked = await rank(documents);
  if (!ranked.ok) throw new Error(ranked.error.message);
  expect(ranked.value.results.map(({ index }) => index)).toEqual([2, 5, 4, 1, 3, 0]);
  expect(ranked.value.results.map(({ score }) => Number(score.toFixed(3)))).toEqual([1, 1, 0.6, 0, 0, -1]);
  expect([ranked.value.tokens, ranked.value.cachedTokens]).toEqual([7, 2]);
  expect(seen).toEqual([
    [['east'], 'query'],
    [documents, 'passage'],
  ]);
});

it('[M20] no cosine is beyond 1, whatever rounding has made of the vectors', async () => {
  const ranked = await world().rank(['askew'], { query: 'askew' });
  expect(ranked.ok && ranked.value.results).toEqual([{ index: 0, score: 1 }]);
});

it('[M20] top_n cuts the results; more than there are documents cuts nothing', async () => {
  const { rank } = world();
  const best = await rank(['west', 'east', 'north'], { topN: 2 });
  expect(best.ok && best.value.results.map(({ index }) => index)).toEqual([1, 2]);
  const all = await rank(['west', 'east'], { topN: 9 });
  expect(all.ok && all.value.results).toHaveLength(2);
});

it.each([
  [['input', 2], 'documents[2]'],
  [['input'], 'documents'],
  [['model'], 'model'],
])('[M20] a refusal of the embedder at %j names %s', async (path, param) => {
  const ranked = await world(path).rank(['a', 'b', 'c']);
  expect(ranked.ok ? undefined : paramOf(ranked.error)).toBe(param);
});

it('[M20] a cross-encoder ranks by what it says of each pair; all tokens that it saw are reserved', async () => {
  const { rank, scored, reserved } = world();
  const documents = Array.from({ length: MODEL_LIMITS.modelChunkTextsCount + 2 }, (_, i) => 'x'.repeat(i + 1));
  const ranked = await rank(documents, { model: 'cross', topN: 2 });
  expect(ranked).toMatchObject({ value: { model: 'cross', version: '3', tokens: 20 * documents.length, report: undefined } });
  expect(ranked.ok && ranked.value.results.map(({ index }) => index)).toEqual([documents.length - 1, documents.length - 2]);
  expect(scored.map(({ length }) => length)).toEqual([MODEL_LIMITS.modelChunkTextsCount, 2]);
  // At most 16 tokens a pair, says the manifest; the model saw more.
  expect(reserved.reduce((sum, count) => sum + count, 0)).toBe(20 * documents.length);
  const refused = await rank([...documents, 'bad'], { model: 'cross' });
  expect(refused.ok ? 'ranked' : paramOf(refused.error)).toBe(`documents[${documents.length}]`);
  const denied = await rank(['a'], { model: 'cross', principal: { ...REQUEST.principal, resources: ['model/other'] } });
  expect(denied.ok ? 'ranked' : denied.error.code).toBe('scope_denied');
});
