import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';

const params = { route: 'support-chat' } as const;

/** A route that takes short prompts of chats only. Its versions name no model, so that they can be made before any upstream. */
export const routeExamples = {
  createRoute: {
    as: 'tenant',
    body: {
      name: 'support-chat',
      rules: [
        {
          name: 'long-prompts',
          when: { kind: ['chat'], prompt_tokens: { gte: 8_000 } },
          use: { kind: 'refuse', message: 'shorten the conversation' },
        },
      ],
      default: { kind: 'refuse', message: 'the support desk has no model yet' },
      guardrails: [{ kind: 'pii', name: 'people', action: 'mask', restores: true }],
      comment: 'refuses what is too long to answer',
    },
  },
  listRoutes: { as: 'tenant' },
  getRoute: { as: 'tenant', params },
  listRouteVersions: { as: 'tenant', params },
  activateRoute: { as: 'tenant', params, body: { version: 1 } },
  explainRoute: { as: 'tenant', params, body: { request: { messages: [{ role: 'user', content: 'Hello' }] } } },
  rollbackRoute: { as: 'tenant', params, refused: 'state_conflict' },
  deleteRoute: { as: 'tenant', params },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
