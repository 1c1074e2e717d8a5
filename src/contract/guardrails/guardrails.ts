import * as z from 'zod';

import { membersFrom } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { GUARDRAIL_LIMITS } from './guardrail-limits.ts';

// The guardrails of a version of a route: what they look for in requests and answers, and what they do with a match.

/** Kinds of personal data. */
export const PII_KINDS = ['email', 'phone', 'iban', 'card', 'ip'] as const;

const named = {
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and hyphens')
    .meta(about('Shown in refusals, `server-timing` and the request log.', 'people')),
  on: z.enum(['request', 'answer', 'both']).default('both').meta(about('Which texts it checks.')),
} as const;

const action = z
  .enum(['block', 'mask', 'flag'])
  .meta(about('`block` refuses the call; `mask` replaces each match; `flag` only records it.'));
const verdict = z.enum(['block', 'flag']);

const patterns = z.strictObject({
  kind: z.literal('patterns'),
  ...named,
  patterns: z
    .array(z.string().min(1).max(GUARDRAIL_LIMITS.guardrailPatternCharsMax))
    .min(1)
    .max(GUARDRAIL_LIMITS.guardrailPatternsMaxCount)
    .meta(about('Regular expressions in the syntax of RE2, which search in linear time.', [String.raw`\bproject-x\b`])),
  action,
});

const pii = z.strictObject({
  kind: z.literal('pii'),
  ...named,
  pii: z
    .array(z.enum(PII_KINDS))
    .min(1)
    .max(PII_KINDS.length)
    .default([...PII_KINDS]),
  action,
  restores: z.boolean().default(false).meta(about('Put what was masked in the request back into its answer.')),
});

const jsonSchema = z.strictObject({
  kind: z.literal('json-schema'),
  ...named,
  on: z.literal('answer').default('answer'),
  schema: z
    .record(z.string(), z.unknown())
    .meta(about('JSON Schema, draft 2020-12: each text of an answer must be JSON that it accepts.', { type: 'object' })),
  action: verdict.default('block'),
});

const webhook = z.strictObject({
  kind: z.literal('webhook'),
  ...named,
  url: z
    .string()
    .max(API_LIMITS.upstreamUrlCharsMax)
    .meta(about('Gets `{"side", "texts"}` by POST and answers `{"verdict": "pass"}` or `"block"`.', 'https://guard.example.com/judge')),
  timeout_ms: z.int().min(1).max(GUARDRAIL_LIMITS.guardrailWebhookMsMax).default(GUARDRAIL_LIMITS.guardrailWebhookDefaultMs),
  on_failure: z.enum(['pass', 'block']).default('block').meta(about('What happens if it gives no verdict in time.')),
});

const classifier = z.strictObject({
  kind: z.literal('classifier'),
  ...named,
  model: z
    .string()
    .min(1)
    .max(API_LIMITS.nameCharsMax + 1 + API_LIMITS.upstreamModelNameCharsMax)
    .meta(
      about(
        'A registered classifier of the tenant, or of the platform: its name, or `name@version`. Or `upstream/model`: a model of an upstream that serves `moderations`.',
        'toxicity',
      ),
    ),
  thresholds: membersFrom(
    z.record(z.string().max(API_LIMITS.nameCharsMax), z.number().min(0).max(1)),
    1,
    GUARDRAIL_LIMITS.guardrailThresholdsMaxCount,
    `must have from 1 to ${GUARDRAIL_LIMITS.guardrailThresholdsMaxCount} labels (guardrailThresholdsMaxCount)`,
  ).meta(about('By label, or category of moderations: the score from which on a text is objected to.', { toxic: 0.8 })),
  action: verdict.default('block'),
  timeout_ms: z.int().min(1).max(GUARDRAIL_LIMITS.guardrailWebhookMsMax).default(GUARDRAIL_LIMITS.guardrailWebhookDefaultMs),
  on_failure: z.enum(['pass', 'block']).default('block').meta(about('What happens if it gives no verdict in time.')),
});

export const guardrailHooks = z
  .array(z.discriminatedUnion('kind', [patterns, pii, jsonSchema, webhook, classifier]))
  .max(GUARDRAIL_LIMITS.guardrailHooksMaxCount)
  .refine((hooks) => new Set(hooks.map(({ name }) => name)).size === hooks.length, 'have two hooks of one name')
  .meta(about('Hooks, which run in this order: on a request before anything is reserved or sent, on an answer before it is passed on.'));

export type Hook = z.output<typeof guardrailHooks>[number];

export const HOOK_OUTCOMES = ['passed', 'masked', 'flagged', 'blocked', 'failed'] as const;
