import { expect, it } from 'vitest';

import { ANY_FRESH } from '../../../src/cache/cache-directives.ts';
import type { EmbedInputs } from '../../../src/gateway/embed.ts';
import { rerank } from '../../../src/gateway/rerank.ts';
import { paramOf } from '../../../src/contract/errors.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import { must } from '../../../src/kernel/assert.ts';
import { ok } from '../../../src/kernel/result.ts';
import { IN_FORCE } from '../../support/fakes/in-force.ts';
import { MemoryCacheWorld, principal } from '../../support/worlds/memory-cache-world.ts';

const REQUEST = {
  principal: principal('tn_one'),
  authority: IN_FORCE,
  model: 'm',
  directives: ANY_FRESH,
  query: 'east',
  reserve: async () => ok(undefined),
};

const COMPASS: Readonly<Record<string, readonly [number, number]>> = {
  east: [1, 0],
  north: [0, 1],
  'north-east': [0.6, 0.8],
  west: [-1, 0],
  nowhere: [0, 0],
};

/** Embeds points of the compass as their directions. */
const compass = (seen: EmbedInputs[] = []) => ({
  embedInputs: async (request: EmbedInputs) => {
    seen.push(request);
    const rows = request.inputs.flatMap((input) => must(COMPASS[input.kind === 'text' ? input.text : ''], 'a point'));
    const [manifest] = new MemoryCacheWorld().models.manifests;
    return ok({
      vectors: Float32Array.from(rows),
      dimensions: 2,
      manifest: must(manifest, 'a model'),
      tokens: request.inputs.length,
      cachedTokens: 0,
      report: { sources: [], agesMs: [] } as never,
    });
  },
});

it('[M20] documents come in falling order of their cosine, equal ones in the order they were sent', async () => {
  const seen: EmbedInputs[] = [];
  const documents = ['west', 'north', 'east', 'nowhere', 'north-east', 'east'];
  const ranked = await rerank(compass(seen), { ...REQUEST, documents });
  if (!ranked.ok) throw new Error(ranked.error.message);
  expect(ranked.value.results.map(({ index }) => documents[index])).toEqual(['east', 'east', 'north-east', 'north', 'nowhere', 'west']);
  expect(ranked.value.results.map(({ index }) => index)).toEqual([2, 5, 4, 1, 3, 0]);
  expect(ranked.value.results.map(({ score }) => Number(score.toFixed(3)))).toEqual([1, 1, 0.6, 0, 0, -1]);
  expect(ranked.value.tokens).toBe(7);
  // One call, in which the query is first.
  expect(seen.map(({ inputs }) => inputs)).toEqual([['east', ...documents].map((text) => ({ kind: 'text', text }))]);
});

it('[M20] top_n cuts the results; more than there are documents cuts nothing', async () => {
  const best = await rerank(compass(), { ...REQUEST, documents: ['west', 'east', 'north'], topN: 2 });
  expect(best.ok && best.value.results.map(({ index }) => index)).toEqual([1, 2]);
  const all = await rerank(compass(), { ...REQUEST, documents: ['west', 'east'], topN: 9 });
  expect(all.ok && all.value.results).toHaveLength(2);
});

it.each([
  [['input', 0], 'query'],
  [['input', 3], 'documents[2]'],
  [['input'], 'documents'],
  [['model'], 'model'],
])('[M20] a refusal of the embedder at %j names %s', async (path, param) => {
  const refused = { embedInputs: async () => refuse('limit_exceeded', 'is too long', path) };
  const ranked = await rerank(refused, { ...REQUEST, documents: ['a', 'b', 'c'] });
  expect(ranked.ok ? undefined : paramOf(ranked.error)).toBe(param);
});
