import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';

/** Of no upstream: the tour has no server of models but Sluice. */
const model = 'lab/small';
const params = { upstream: 'openai' };
/** Stands for an image or a sound. */
const ANY_FILE = 'bytes';

/** Upstreams, and calls of the models that they serve. */
export const upstreamExamples = {
  createUpstream: {
    as: 'tenant',
    body: {
      name: params.upstream,
      protocol: 'openai',
      base_url: 'https://api.openai.com/v1',
      secret: 'sk-the-key-that-the-upstream-gave-out',
      models: [
        {
          name: 'gpt-4o-mini',
          serves: ['chat', 'completions', 'responses'],
          context_tokens: 128_000,
          output_tokens_max: 16_384,
          prices: { input: 150_000_000, cached_input: 75_000_000, output: 600_000_000 },
        },
      ],
    },
  },
  listUpstreams: { as: 'tenant' },
  createChatCompletion: { body: { model, messages: [{ role: 'user', content: 'hello' }] }, refused: 'model_not_found' },
  createCompletion: { body: { model, prompt: 'hello' }, refused: 'model_not_found' },
  createResponse: { body: { model, input: 'hello' }, refused: 'model_not_found' },
  createMessage: { body: { model, max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] }, refused: 'model_not_found' },
  countMessageTokens: { body: { model, messages: [{ role: 'user', content: 'hello' }] }, refused: 'model_not_found' },
  createUpstreamEmbeddings: { body: { model, input: 'hello' }, refused: 'model_not_found' },
  createUpstreamRanking: { body: { model, query: 'hello', documents: ['hi'] }, refused: 'model_not_found' },
  createModeration: { body: { model, input: 'hello' }, refused: 'model_not_found' },
  createImage: { body: { model, prompt: 'a lighthouse at dusk', size: '1024x1024' }, refused: 'model_not_found' },
  editImage: { body: { model, prompt: 'by night', image: ANY_FILE }, refused: 'model_not_found' },
  varyImage: { body: { model, image: ANY_FILE }, refused: 'model_not_found' },
  createSpeech: { body: { model, input: 'hello', voice: 'alloy' }, refused: 'model_not_found' },
  createTranscription: { body: { model, file: ANY_FILE }, refused: 'model_not_found' },
  createTranslation: { body: { model, file: ANY_FILE }, refused: 'model_not_found' },
  getUpstream: { as: 'tenant', params },
  getUpstreamHealth: { as: 'tenant', params },
  changeUpstream: { as: 'tenant', params, body: { limits: { requests_per_minute: 500 }, timeouts: { idle_ms: 30_000 }, pass_usage: true } },
  // It does not call OpenAI: the tour has an upstream of that name no more.
  checkUpstream: { as: 'tenant', params, refused: 'upstream_not_found' },
  deleteUpstream: { as: 'tenant', params },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
