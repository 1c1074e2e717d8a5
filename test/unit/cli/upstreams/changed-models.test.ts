import { expect, it } from 'vitest';

import type { UpstreamReply } from '../../../../src/contract/upstreams/upstreams.ts';
import { changedModels, repriced } from '../../../../workers/cli/upstreams/changed-models.ts';

// Of a model, what bears on its prices.
const model = (name: string) =>
  ({
    name,
    upstream_name: `${name}-2026`,
    serves: ['chat'],
    context_tokens: 8_000,
    output_tokens_max: 1_000,
    image_tokens_max: null,
    bytes_per_token: 4,
    prices: { input: 1_000, cached_input: null, cache_write: null, output: 2_000, request: 0 },
  }) as unknown as UpstreamReply['models'][number];
const LAB = { name: 'lab', models: [model('a'), model('b')] };

it('[U223] changes the models that are named, and leaves out what they do not have', () => {
  const [a, b] = changedModels(LAB, { model: ['b'], price: { output: '0.6' }, outputTokens: 500 });
  expect(a).toEqual({ ...model('a'), image_tokens_max: undefined, prices: { input: 1_000, output: 2_000, request: 0 } });
  expect(a).not.toHaveProperty('image_tokens_max');
  expect(b).toMatchObject({ output_tokens_max: 500, context_tokens: 8_000, prices: { input: 1_000, output: '0.6', request: 0 } });
  expect(() => changedModels(LAB, { model: ['c'] })).toThrow('lab has no model c');
});

it('[U223] takes prices of the catalogue, by either name, and names what it does not have', () => {
  const known = { serves: ['chat' as const], context_tokens: 1, prices: { input: '3', output: '4' } };
  const catalogue = { source: '', address: '', licence: '', as_of: '2026-11-20', providers: { lab: { 'a-2026': known } } };
  const { models, unknown } = repriced(LAB, 'lab', catalogue);
  expect(models[0]?.['prices']).toEqual({ input: '3', output: '4' });
  expect(models[1]?.['prices']).toEqual({ input: 1_000, output: 2_000, request: 0 });
  expect(unknown).toEqual(['b']);
});
