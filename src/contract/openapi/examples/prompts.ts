import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';

const params = { prompt: 'support-reply' } as const;

export const promptExamples = {
  createPrompt: {
    as: 'tenant',
    body: {
      name: 'support-reply',
      messages: [{ role: 'system', content: 'Answer in {{tone}} words. The customer wrote: <mail>{{mail}}</mail>' }],
      variables: { tone: { values: ['formal', 'friendly'], default: 'formal' }, mail: { chars_max: 20_000, escape: 'xml' } },
      labels: ['staging'],
      comment: 'quotes the mail',
    },
  },
  listPrompts: { as: 'tenant' },
  getPrompt: { as: 'tenant', params },
  listPromptVersions: { as: 'tenant', params },
  labelPrompt: { as: 'tenant', params: { ...params, label: 'production' }, body: { version: 1 } },
  renderPrompt: { as: 'tenant', params, body: { version: 'production', variables: { mail: 'Where is <my> parcel?' } } },
  unlabelPrompt: { as: 'tenant', params: { ...params, label: 'staging' } },
  deletePrompt: { as: 'tenant', params },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
