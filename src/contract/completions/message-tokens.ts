import * as z from 'zod';

import { anthropicVersion } from '../api/anthropic-version.ts';
import { about, apiLines, named } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { loose, message, model, urgencyHeaders } from './completions.ts';

const count = named('MessageTokensCount', {
  input_tokens: z.int().min(0).meta(about('Of the system prompt, the messages and the tools.')),
});

/** Counting the tokens of Anthropic's messages, as its clients do before they send them. */
export const messageTokenEndpoints = {
  countMessageTokens: {
    ...call('POST', '/v1/messages/count_tokens', loose(z.looseObject({ model, messages: z.array(message).min(1) }))),
    tag: 'Upstreams',
    summary: 'Count the tokens of a message before it is sent',
    description: apiLines(
      "Anthropic's shape. A model of the protocol `anthropic` is asked by its own call, which costs nothing. For any other model, and where a route has guardrails, which have not judged the prompt, Sluice estimates: by OpenAI's encodings, and 4 tokens a message; images count `image_tokens_max` of the model, else 1,600. The header `x-sluice-token-count` says which: `upstream` or `estimate`.",
      '',
      'Tokens are neither charged nor counted against quotas. The call is one request.',
    ),
    access: tenant('inference'),
    meters: [],
    headers: z.object({
      ...urgencyHeaders,
      'anthropic-version': anthropicVersion,
      'anthropic-beta': z.string().max(API_LIMITS.completionModelCharsMax).optional().meta(about('Passed on, as with messages.')),
    }),
    status: 200,
    reply: json(count),
    needsNoMoney: true,
  },
} as const satisfies Record<string, Endpoint>;
