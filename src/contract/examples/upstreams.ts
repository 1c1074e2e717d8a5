import type { EndpointName, ENDPOINTS } from '../endpoints.ts';
import type { ExampleOf } from './example.ts';

/** Of no upstream: the tour has no server of models but Sluice. */
const model = 'lab/small';

/** Upstreams, and calls of the models that they serve. */
export const upstreamExamples = {
  listUpstreams: { as: 'tenant' },
  createChatCompletion: { body: { model, messages: [{ role: 'user', content: 'hello' }] }, refused: 'model_not_found' },
  createCompletion: { body: { model, prompt: 'hello' }, refused: 'model_not_found' },
  createResponse: { body: { model, input: 'hello' }, refused: 'model_not_found' },
  createMessage: { body: { model, max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] }, refused: 'model_not_found' },
  createModeration: { body: { model, input: 'hello' }, refused: 'model_not_found' },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
