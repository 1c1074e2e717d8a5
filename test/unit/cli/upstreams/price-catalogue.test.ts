import { statSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parse } from '../../../../src/contract/api/parse.ts';
import { upstreamEndpoints } from '../../../../src/contract/upstreams/upstreams.ts';
import { newSettings } from '../../../../src/upstreams/upstream-settings.ts';
import { chosenModels } from '../../../../workers/cli/upstreams/chosen-models.ts';
import { catalogueText, importedCatalogue, shifted } from '../../../../workers/cli/upstreams/imported-catalogue.ts';
import { newUpstream, pricesOf } from '../../../../workers/cli/upstreams/new-upstream.ts';
import { ageText, FRESH_DAYS, priceCatalogue } from '../../../../workers/cli/upstreams/price-catalogue.ts';
import { PROVIDERS } from '../../../../workers/cli/upstreams/provider.ts';

const SOURCE = { source: 'LiteLLM 9.9', address: 'https://example.com', licence: 'MIT', as_of: '2026-11-20' };
const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-12-01');
const OPENAI = PROVIDERS['openai']!;

/** Entries as they stand in the file. */
const FILE = `{
  "sample_spec": {"litellm_provider": "one of https://docs.litellm.ai/docs/providers", "mode": "one of: chat", "input_cost_per_token": 0.0},
  "gpt-a": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000, "max_output_tokens": 16384, "input_cost_per_token": 1.5e-07,
    "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08, "input_cost_per_token_batches": 1e-09, "deprecation_date": "2027-01-14"},
  "gpt-old": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 4096, "input_cost_per_token": 3.333333333333e-07, "output_cost_per_token": 2e-06,
    "deprecation_date": "2026-10-23"},
  "gpt-unpriced": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 4096, "input_cost_per_token": 1e-06},
  "ft:gpt-a": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 4096, "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
  "hd/1024-x-1024/dall-e-3": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 1, "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
  "text-embedding-a": {"litellm_provider": "openai", "mode": "embedding", "max_input_tokens": 8191, "input_cost_per_token": 2e-08, "output_cost_per_token": 0.0},
  "omni-moderation": {"litellm_provider": "openai", "mode": "moderation", "max_input_tokens": 32768, "input_cost_per_token": 0.0},
  "gemini/gem-a": {"litellm_provider": "gemini", "mode": "chat", "max_input_tokens": 1048576, "max_output_tokens": 65536, "input_cost_per_token": 1.25e-06,
    "output_cost_per_token": 1e-05, "input_cost_per_token_above_200k_tokens": 2.5e-06, "output_cost_per_token_above_200k_tokens": 1.5e-05},
  "rank-a": {"litellm_provider": "cohere", "mode": "rerank", "max_input_tokens": 4096, "input_cost_per_query": 0.002, "input_cost_per_token": 0.0},
  "cloudflare/@cf/meta/llama-a": {"litellm_provider": "cloudflare", "mode": "chat", "max_tokens": 3072, "input_cost_per_token": 1.923e-06, "output_cost_per_token": 1.923e-06},
  "elsewhere": {"litellm_provider": "nobody", "mode": "chat", "max_tokens": 1, "input_cost_per_token": 1, "output_cost_per_token": 1}
}`;
const MADE = importedCatalogue(FILE, SOURCE);

describe('the file of prices', () => {
  it.each([
    ['2.5e-06', 6, '2.5'],
    ['1.5e-07', 6, '0.15'],
    ['0.0000028', 6, '2.8'],
    ['0.0', 6, '0'],
    ['1e-05', 6, '10'],
    ['1.923E-06', 6, '1.923'],
    ['0.002', 0, '0.002'],
    ['30', 6, '30000000'],
    // Less than a nano-dollar of it is rounded up: no price is below what it is.
    ['3.3333333333e-07', 6, '0.333333334'],
    ['1e-16', 6, '0.000000001'],
  ])('[U222] %s USD of a token, times ten to %i, is exactly %s', (written, power, text) => expect(shifted(written, power)).toBe(text));

  it('[U222] is what its source says, and nothing whose price it cannot say', () => {
    expect(MADE).toEqual({
      ...SOURCE,
      providers: {
        openai: {
          'gpt-a': {
            serves: ['chat', 'responses'],
            context_tokens: 128_000,
            output_tokens_max: 16_384,
            prices: { input: '0.15', cached_input: '0.075', output: '0.6' },
            until: '2027-01-14',
          },
          'gpt-old': {
            serves: ['chat', 'responses'],
            context_tokens: 4_096,
            output_tokens_max: 4_096,
            prices: { input: '0.333333334', output: '2' },
            until: '2026-10-23',
          },
          'omni-moderation': { serves: ['moderations'], context_tokens: 32_768, prices: { input: '0' } },
          'text-embedding-a': { serves: ['embeddings'], context_tokens: 8_191, prices: { input: '0.02', output: '0' } },
        },
        gemini: {
          'gem-a': {
            serves: ['chat'],
            context_tokens: 1_048_576,
            output_tokens_max: 65_536,
            prices: { input: '1.25', output: '10' },
            above: { tokens: 200_000, prices: { input: '2.5', output: '15' } },
          },
        },
        'cohere-rerank': { 'rank-a': { serves: ['rerank'], context_tokens: 4_096, prices: { input: '0', request: '0.002' } } },
        'workers-ai': {
          'llama-a': {
            serves: ['chat'],
            context_tokens: 3_072,
            output_tokens_max: 3_072,
            prices: { input: '1.923', output: '1.923' },
            upstream_name: '@cf/meta/llama-a',
          },
        },
      },
    });
    expect(JSON.parse(catalogueText(MADE))).toEqual(MADE);
  });

  it('[U222] has models of all providers that have prices, each of which can be added as it is', () => {
    const catalogue = priceCatalogue();
    expect(statSync(new URL('../../../../workers/cli/upstreams/price-catalogue.json', import.meta.url)).size).toBeLessThan(300_000);
    expect(catalogue).toMatchObject({ source: expect.stringMatching(/^LiteLLM \d/), licence: expect.stringContaining('MIT') });
    for (const [name, { litellm, protocol, url }] of Object.entries(PROVIDERS)) {
      const models = Object.keys(catalogue.providers[name] ?? {});
      expect(models.length > 0, name).toBe(litellm !== undefined);
      for (let at = 0; at < models.length; at += 200) {
        const chosen = chosenModels(catalogue, name, PROVIDERS[name]!, { model: models.slice(at, at + 200) }, NOW_MS);
        const body = parse(upstreamEndpoints.createUpstream.body.schema, { name, protocol, base_url: url, models: chosen.models });
        expect(body, name).toMatchObject({ ok: true });
        if (body.ok) expect(newSettings(body.value, url), name).toMatchObject({ ok: true });
      }
    }
  });
});

describe('models of an upstream', () => {
  const chosen = (model: string[], more = {}, name = 'openai') => chosenModels(MADE, name, PROVIDERS[name]!, { model, ...more }, NOW_MS);

  it('[U223] without names are all that the provider still has', () => {
    const { models, notes } = chosenModels(MADE, 'openai', OPENAI, {}, NOW_MS);
    expect(models.map(({ name }) => name)).toEqual(['gpt-a', 'omni-moderation', 'text-embedding-a']);
    expect(notes).toEqual(['prices as of 2026-11-20, from LiteLLM 9.9']);
    expect(() => chosenModels(MADE, 'openrouter', PROVIDERS['openrouter']!, {}, NOW_MS)).toThrow('name some with --model');
  });

  it('[U223] that are unknown say so and need a price; none is 0 in silence', () => {
    const limits = { contextTokens: 8_000, outputTokens: 1_000 };
    expect(() => chosen(['gpt-new'])).toThrow(
      'the prices as of 2026-11-20 do not have gpt-new of openai: give --context-tokens, --output-tokens, --price input=USD output=USD',
    );
    expect(() => chosen(['gpt-new'], limits)).toThrow(/give --price/);
    expect(() => chosen(['gpt-new'], { ...limits, price: { input: '1' } })).toThrow(/give --price/);
    const { models } = chosen(['gpt-new'], { ...limits, price: { input: '1', output: '0' } });
    expect(models).toEqual([
      { name: 'gpt-new', serves: ['chat'], context_tokens: 8_000, output_tokens_max: 1_000, prices: { input: '1', output: '0' } },
    ]);
    // Names of members of every object are names of models, too.
    expect(() => chosen(['constructor'])).toThrow(/do not have constructor/);
  });

  it('[U223] have what the command line says in place of what the catalogue does', () => {
    const { models } = chosen(['gpt-a'], { price: { output: '9' }, contextTokens: 64_000 });
    expect(models[0]).toMatchObject({ context_tokens: 64_000, output_tokens_max: 16_384, prices: { input: '0.15', output: '9' } });
    expect(pricesOf('output=0.6', { input: '0.15' })).toEqual({ input: '0.15', output: '0.6' });
    for (const wrong of ['input', 'input=', 'input=1e-6', 'other=1', 'input=0.1234567890'])
      expect(() => pricesOf(wrong)).toThrow('It must be');
  });

  it('[U224] say what their prices leave out: dearer long prompts, an end, their age', () => {
    expect(chosen(['gem-a'], {}, 'gemini').notes[1]).toBe(
      'gem-a: prompts of more than 200000 tokens cost more at the provider (input 2.5, output 15), and are billed here at the lower price',
    );
    expect(chosen(['gpt-old']).notes[1]).toBe('gpt-old: its provider has ended it on 2026-10-23');
    const made = Date.parse(SOURCE.as_of);
    expect(ageText(MADE, made + FRESH_DAYS * DAY_MS)).not.toContain('warning');
    expect(ageText(MADE, made + (FRESH_DAYS + 1) * DAY_MS)).toContain('warning: they are 91 days old');
  });

  it('[U223] of a server on this machine cost nothing, and say so by a price', () => {
    const { models } = chosen(['mine'], { contextTokens: 4_096, outputTokens: 512 }, 'ollama');
    expect(models[0]?.prices).toEqual({ input: '0', output: '0' });
  });
});

describe('a new upstream', () => {
  it('[U223] has the URL, the API and the key of the provider of its name', () => {
    const made = newUpstream('anthropic', { model: ['claude-haiku-4-5'] }, { ANTHROPIC_API_KEY: 'k' }, NOW_MS);
    expect(made).toMatchObject({ url: 'https://api.anthropic.com/v1', protocol: 'anthropic', secretEnv: 'ANTHROPIC_API_KEY' });
    const other = newUpstream('mine', { provider: 'openai', url: 'https://proxy.example/v1', secretEnv: 'MY_KEY' }, {}, NOW_MS);
    expect(other).toMatchObject({ url: 'https://proxy.example/v1', protocol: 'openai', secretEnv: 'MY_KEY' });
    expect(other.models?.length).toBeGreaterThan(10);
    expect(newUpstream('openai', { model: ['gpt-4o-mini'] }, {}, NOW_MS).notes.at(-1)).toContain('it has no key: set OPENAI_API_KEY');
  });

  it('[U223] is as it is written where nothing is known of it', () => {
    const url = 'https://api.example.com/v1';
    expect(newUpstream('lab', { url }, {}, NOW_MS)).toEqual({ url, protocol: 'openai', notes: [] });
    expect(newUpstream('openai', { url, models: 'models.json' }, {}, NOW_MS)).toMatchObject({ url, modelsFile: 'models.json' });
    expect(() => newUpstream('lab', {}, {}, NOW_MS)).toThrow('--url');
    expect(() => newUpstream('lab', { url, models: 'models.json', model: ['a'] }, {}, NOW_MS)).toThrow('--models');
    expect(() => newUpstream('lab', { url, price: { input: '1' } }, {}, NOW_MS)).toThrow('need --model');
  });
});
