import * as z from 'zod';

import { membersFrom } from '../api/presence.ts';
import { about, apiLines, named } from '../api/api-text.ts';
import { page, pageQuery, unixSeconds, versionNumber } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { PROMPT_LIMITS } from './prompt-limits.ts';

// Prompts: named templates whose versions are never edited, and labels that say which version calls get.

/** Ids that begin with `pmpt_` are those of OpenAI's own prompts. */
export const promptName = z
  .string()
  .regex(
    /^(?!pmpt_)[a-zA-Z0-9][\w.-]{0,63}$/,
    'must begin with a letter or a digit, not with pmpt_, and have up to 64 of letters, digits, _ . and -',
  )
  .meta(about('Calls name it as the `id` of their `prompt`.', 'support-reply'));

const label = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/, 'must begin with a lower-case letter and have up to 32 of lower-case letters, digits, _ and -')
  .meta(about('A name for one version.', 'production'));

const text = z.string().max(PROMPT_LIMITS.promptTextCharsMax);

export const PROMPT_ROLES = ['system', 'developer', 'user', 'assistant'] as const;

const variable = z.strictObject({
  type: z
    .enum(['string', 'number', 'integer', 'boolean', 'json'])
    .default('string')
    .meta(
      about(
        'Which values it takes. Numbers and booleans may also be given as text, such as `"3"`; `json` takes any value and writes its JSON.',
      ),
    ),
  values: z
    .array(z.string().max(PROMPT_LIMITS.promptTextCharsMax))
    .min(1)
    .max(PROMPT_LIMITS.promptValuesMaxCount)
    .optional()
    .meta(about('The only values it takes, as they are written into the text.', ['formal', 'friendly'])),
  chars_max: z
    .int()
    .min(1)
    .max(PROMPT_LIMITS.promptValueCharsMax)
    .default(PROMPT_LIMITS.promptValueDefaultChars)
    .meta(about('Of the value as text.')),
  default: z.unknown().optional().meta(about('The value of calls that give none; without it, a call has to give one.')),
  escape: z
    .enum(['none', 'line', 'xml', 'json'])
    .default('none')
    .meta(
      about(
        'How the value is written: `none`, as it is; `line`, with line breaks as spaces; `xml`, with `& < > " \'` as entities, so that it closes no tag around it; `json`, as what stands inside of a JSON string.',
      ),
    ),
  description: text.default(''),
});

const message = z.strictObject({
  role: z.enum(PROMPT_ROLES),
  content: z
    .string()
    .min(1)
    .meta(
      about(
        '`{{name}}` stands for the value of a variable; `\\{{` for two braces. What a value contains is never read as a template.',
        'You are {{tone}}.',
      ),
    ),
});

const messages = z.array(message).min(1).max(PROMPT_LIMITS.promptMessagesMaxCount);
const labels = z.array(label).max(PROMPT_LIMITS.promptLabelsMaxCount).default([]);

const create = z.strictObject({
  name: promptName,
  messages: messages.meta(about('They go before those of the call.')),
  variables: membersFrom(
    z.record(z.string(), variable),
    0,
    PROMPT_LIMITS.promptVariablesMaxCount,
    `has more than ${PROMPT_LIMITS.promptVariablesMaxCount} (promptVariablesMaxCount)`,
  )
    .default({})
    .meta(about('By name. All that the messages name, and no others.', { tone: { values: ['formal', 'friendly'], default: 'formal' } })),
  labels: labels.meta(about('Labels that this version takes over.', ['staging'])),
  comment: text.default('').meta(about('Why this version was made; shown with it.')),
});

export type CreatePromptBody = z.output<typeof create>;
export type PromptVariable = CreatePromptBody['variables'][string];
export type PromptMessage = CreatePromptBody['messages'][number];

const selector = z
  .union([z.int().min(1), z.string().min(1).max(32)])
  .nullish()
  .meta(about('The number of a version, or a label. Absent: the version labelled `production`, else the newest.', 'production'));

const values = z
  .record(z.string(), z.unknown())
  .nullish()
  .meta(about('The values of its variables, by name.', { tone: 'friendly' }));

/** How a call names a prompt; other fields are those of OpenAI's own prompts. */
export const promptOfCall = z
  .looseObject({
    id: z.string().min(1).max(API_LIMITS.completionModelCharsMax).meta(about('The name of a prompt of `/v1/prompts`.', 'support-reply')),
    version: selector,
    variables: values,
  })
  .nullish()
  .meta(about('A prompt of `/v1/prompts`: its messages, with the values of its variables, go before those of the call.'));

const render = z.strictObject({ version: selector, variables: values });

const point = z.strictObject({ version: z.int().min(1) });

const labelled = z.object({ version: z.int(), at: unixSeconds, by: z.string().meta(about('The id of the key.')) });

const promptReply = named('Prompt', {
  object: z.literal('prompt'),
  name: z.string(),
  newest_version: z.int(),
  labels: z.record(z.string(), labelled),
  created_at: unixSeconds,
});

export type PromptReply = z.infer<typeof promptReply>;

const versionReply = named('PromptVersion', {
  object: z.literal('prompt.version'),
  prompt: z.string(),
  version: z.int(),
  messages,
  variables: z.record(z.string(), variable),
  labels: z.array(z.string()),
  comment: z.string(),
  created_at: unixSeconds,
  created_by: z.string(),
});

export type PromptVersionReply = z.infer<typeof versionReply>;

const renderedReply = named('RenderedPrompt', {
  object: z.literal('prompt.rendered'),
  prompt: z.string(),
  version: z.int(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
});

export type RenderedPromptReply = z.infer<typeof renderedReply>;

const common = { tag: 'Prompts', meters: [], status: 200 } as const;
const reading = { ...common, access: tenant('prompts:read') } as const;
const writing = { ...common, access: tenant('prompts:write') } as const;
const params = z.strictObject({ prompt: promptName });
const labelParams = params.extend({ label });

export const promptEndpoints = {
  listPrompts: {
    ...reading,
    ...call('GET', '/v1/prompts'),
    summary: 'List the prompts: templates that calls name',
    description: 'By name; to get the next page, pass the last `name` as `after`.',
    query: pageQuery,
    reply: json(page(promptReply)),
  },
  createPrompt: {
    ...writing,
    ...call('POST', '/v1/prompts', json(create)),
    summary: 'Make a prompt, or its next version',
    description: apiLines(
      'Versions are never edited, and their numbers are never used again. Calls of `/v1/chat/completions` and `/v1/responses` name the prompt: `"prompt": {"id": "support-reply", "variables": {...}}`.',
      '',
      'Refused if the messages name a variable that is not declared, if a declared one is not named, or if a default is no value of its variable.',
    ),
    reply: json(versionReply),
    idempotent: true,
  },
  getPrompt: {
    ...reading,
    ...call('GET', '/v1/prompts/:prompt'),
    summary: 'A prompt and its labels',
    params,
    reply: json(promptReply),
  },
  listPromptVersions: {
    ...reading,
    ...call('GET', '/v1/prompts/:prompt/versions'),
    summary: 'List the versions of a prompt',
    description: 'By number; to get the next page, pass the last `version` as `after`.',
    params,
    query: pageQuery.extend({ after: versionNumber.optional() }),
    reply: json(page(versionReply)),
  },
  labelPrompt: {
    ...writing,
    ...call('PUT', '/v1/prompts/:prompt/labels/:label', json(point)),
    summary: 'Let a label name a version of a prompt',
    description: 'Calls that name the label, or none if it is `production`, get this version within a second, in every isolate.',
    params: labelParams,
    reply: json(promptReply),
  },
  unlabelPrompt: {
    ...writing,
    ...call('DELETE', '/v1/prompts/:prompt/labels/:label'),
    summary: 'Remove a label from a prompt',
    params: labelParams,
    reply: json(promptReply),
  },
  renderPrompt: {
    ...reading,
    ...call('POST', '/v1/prompts/:prompt/render', json(render)),
    summary: 'Fill in a prompt without calling a model',
    params,
    reply: json(renderedReply),
  },
  deletePrompt: {
    ...writing,
    ...call('DELETE', '/v1/prompts/:prompt'),
    summary: 'Delete a prompt with its versions and labels',
    description: 'Calls that name it are refused within a second. A new prompt of the name goes on with the next number.',
    params,
    reply: json(z.object({ name: z.string(), object: z.literal('prompt.deleted'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;
