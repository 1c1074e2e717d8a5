import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { wholeText } from '../api/text-number.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';
import { metadata } from '../jobs/batches.ts';
import { loose, model } from './completions.ts';
import { STORED_ANSWER_LIMITS } from './stored-answer-limits.ts';

// Answers that a tenant has stored, in OpenAI's shapes: responses, and chat completions.

const PAGE_DEFAULT_COUNT = 20;

const responseId = z
  .string()
  .regex(/^[\w.:-]{1,128}$/, 'must be the id of a response')
  .meta(about('A response.', 'resp_0123456789abcdefghjkmnpqrs'));

const completionId = z
  .string()
  .regex(/^[\w.:-]{1,128}$/, 'must be the id of a chat completion')
  .meta(about('A chat completion.', 'chatcmpl-0123456789abcdefghjkmnpqrs'));

const listing = {
  limit: wholeText(1, STORED_ANSWER_LIMITS.storedPageMaxCount).default(PAGE_DEFAULT_COUNT),
  after: z.string().min(1).max(API_LIMITS.nameCharsMax).optional().meta(about('The id of the last item of the page before.')),
} as const;

const order = (usual: 'asc' | 'desc') => z.enum(['asc', 'desc']).default(usual).meta(about('`asc`: the oldest first.'));

/** OpenAI's clients name here what answers have anyway. */
const include = { 'include[]': z.string().max(256).optional() } as const;

const isNot = z.literal('false', 'must be false: a stored response is answered whole').optional();

const PAIR = /^metadata\[(.+)\]$/s;

/** The pairs of a query of the form `metadata[name]=value`; undefined: a field is none. */
function pairsIn(fields: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  const pairs = Object.entries(fields).map(([field, value]) => [PAIR.exec(field)?.[1], value] as const);
  return pairs.every(([name]) => name !== undefined) ? (Object.fromEntries(pairs) as Record<string, string>) : undefined;
}

const completionQuery = z
  .looseObject({ ...listing, order: order('asc'), model: z.string().min(1).max(API_LIMITS.completionModelCharsMax).optional() })
  .superRefine(({ limit: _limit, after: _after, order: _order, model: _model, ...rest }, context) => {
    const names = Object.keys(rest);
    for (const name of names) {
      if (!PAIR.test(name)) context.addIssue({ code: 'unrecognized_keys', keys: [name], input: rest });
    }
    const countMax = JOB_LIMITS.batchMetadataMaxCount;
    if (names.length <= countMax) return;
    context.addIssue({ code: 'custom', path: ['metadata'], message: `has too many pairs: batchMetadataMaxCount is ${countMax}` });
  });

/** What a query of chats looks for. */
export function chatListingOf({ limit, after, order: sorted, model: asked, ...rest }: z.output<typeof completionQuery>) {
  return {
    limit,
    order: sorted,
    metadata: pairsIn(rest) ?? {},
    ...(after === undefined ? {} : { after }),
    ...(asked === undefined ? {} : { model: asked }),
  };
}

const response = z.looseObject({ id: z.string(), object: z.literal('response') }).meta(about('As it was answered.'));
const completion = z
  .looseObject({ id: z.string(), object: z.literal('chat.completion') })
  .meta(about('As it was answered, with its metadata.'));
const item = z
  .looseObject({ id: z.string(), type: z.string() })
  .meta(about('An item: a message, a call of a tool, or what that answered.'));
const message = z.looseObject({ id: z.string(), role: z.string() }).meta(about('A message of the request.'));

const list = <S extends z.core.$ZodType>(one: S) =>
  z.object({
    object: z.literal('list'),
    data: z.array(one),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });

const deleted = <O extends string>(object: O) => json(z.object({ id: z.string(), object: z.literal(object), deleted: z.literal(true) }));

const policyFields = {
  retention_days: z
    .int()
    .min(0)
    .max(STORED_ANSWER_LIMITS.storedAnswerDaysMax)
    .meta(about('How long answers are kept. 0: none is, whatever calls say, and those that are there are deleted.', 30)),
} as const;

const policy = named('StoredAnswersPolicy', { object: z.literal('stored_answers.policy'), ...policyFields });

const common = { tag: 'Stored answers', access: tenant('inference'), meters: [], status: 200 } as const;
const ofResponse = { ...common, params: z.strictObject({ response_id: responseId }) } as const;
const ofCompletion = { ...common, params: z.strictObject({ completion: completionId }), reply: json(completion) } as const;

export const storedAnswerEndpoints = {
  getResponse: {
    ...ofResponse,
    ...call('GET', '/v1/responses/:response_id'),
    summary: 'A stored response',
    description: apiLines(
      'A response is stored unless its call says `store: false`, for the days of the policy at most. It is there once its call is answered.',
      '',
      'A later call goes on from it by `previous_response_id`, with any model: Sluice sends the whole conversation.',
    ),
    query: z.strictObject({ ...include, stream: isNot, include_obfuscation: isNot }),
    reply: json(response),
  },
  listResponseInputItems: {
    ...ofResponse,
    ...call('GET', '/v1/responses/:response_id/input_items'),
    summary: 'What a stored response answered',
    description: 'All that the model was given: also the turns that it goes on from.',
    query: z.strictObject({ ...listing, order: order('desc'), ...include }),
    reply: json(list(item)),
  },
  deleteResponse: {
    ...ofResponse,
    needsNoMoney: true,
    ...call('DELETE', '/v1/responses/:response_id'),
    summary: 'Delete a stored response',
    description: 'Nothing can go on from it any more, nor from what went on from it.',
    reply: deleted('response'),
  },
  countResponseTokens: {
    ...common,
    needsNoMoney: true,
    ...call('POST', '/v1/responses/input_tokens', loose(z.looseObject({ model }))),
    summary: 'Count the tokens of a response before it is asked for',
    description:
      'The turns that it would go on from included. A model of the protocol `anthropic` counts itself, for others Sluice estimates.',
    reply: json(named('ResponseTokensCount', { object: z.literal('response.input_tokens'), input_tokens: z.int().min(0) })),
  },
  listChatCompletions: {
    ...common,
    ...call('GET', '/v1/chat/completions'),
    summary: 'List stored chat completions',
    description: 'Those whose calls said `store: true`. `metadata[name]=value` finds those that have this pair.',
    query: completionQuery,
    reply: json(list(completion)),
  },
  getChatCompletion: {
    ...ofCompletion,
    ...call('GET', '/v1/chat/completions/:completion'),
    summary: 'A stored chat completion',
  },
  updateChatCompletion: {
    ...ofCompletion,
    ...call(
      'POST',
      '/v1/chat/completions/:completion',
      json(z.strictObject({ metadata: metadata.nullable() }).meta({ id: 'UpdateChatCompletion' })),
    ),
    summary: 'Replace the metadata of a stored chat completion',
  },
  deleteChatCompletion: {
    ...ofCompletion,
    needsNoMoney: true,
    ...call('DELETE', '/v1/chat/completions/:completion'),
    summary: 'Delete a stored chat completion',
    reply: deleted('chat.completion.deleted'),
  },
  listChatCompletionMessages: {
    ...ofCompletion,
    ...call('GET', '/v1/chat/completions/:completion/messages'),
    summary: 'The messages that a stored chat completion answered',
    query: z.strictObject({ ...listing, order: order('asc') }),
    reply: json(list(message)),
  },
  getStoredAnswersPolicy: {
    ...common,
    access: tenant('requests:read'),
    ...call('GET', '/v1/stored_answers/policy'),
    summary: 'How long answers are stored',
    reply: json(policy),
  },
  setStoredAnswersPolicy: {
    ...common,
    access: tenant('requests:write'),
    needsNoMoney: true,
    ...call('PUT', '/v1/stored_answers/policy', json(z.strictObject(policyFields).meta({ id: 'SetStoredAnswersPolicy' }))),
    summary: 'Set how long answers are stored',
    description: 'It holds at once, also for answers that are there.',
    reply: json(policy),
  },
} as const satisfies Record<string, Endpoint>;
