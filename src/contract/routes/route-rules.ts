import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { guardrailHooks } from '../guardrails/guardrails.ts';
import { ROUTE_LIMITS } from './route-limits.ts';
import { condition, conditionCount, division, targetName } from './route-conditions.ts';

// A version of a route: its rules in order, and what it does where none applies.

const weight = z.int().min(1).max(ROUTE_LIMITS.routeWeightMax);

const groups = z
  .array(
    z
      .array(z.strictObject({ target: targetName, weight: weight.optional() }))
      .min(1)
      .max(ROUTE_LIMITS.routeGroupTargetsMaxCount),
  )
  .min(1)
  .max(ROUTE_LIMITS.routeGroupsMaxCount)
  .meta(
    about('The targets of a group share the load by their weights; the next group is tried when none of them serves.', [
      [{ target: 'openai/gpt-4.1-mini' }],
    ]),
  );

const outputTokensMax = z.int().min(1).max(10_000_000).optional();

const targets = z.strictObject({
  kind: z.literal('targets'),
  groups,
  output_tokens_max: outputTokensMax.meta(about('The limit of output tokens, even if the request allows more.')),
});

const refusal = z.strictObject({
  kind: z.literal('refuse'),
  message: z.string().min(1).max(ROUTE_LIMITS.routeTextCharsMax).meta(about('The error message that the caller gets.')),
});

/** Why a cascade answers as it does. */
export const CASCADE_REASONS = ['confident', 'unsure', 'cap', 'too-long', 'student-failed', 'teacher-failed', 'unpaid'] as const;

/** How the confidence of a student's answer is measured; each kind gives a number from 0 to 1. */
const confidence = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('token-probability') }),
    z.strictObject({ kind: z.literal('json-schema'), schema: z.record(z.string(), z.unknown()) }),
    z.strictObject({ kind: z.literal('verifier'), target: targetName }),
    z.strictObject({ kind: z.literal('top-score') }),
  ])
  .meta(
    about(
      '`token-probability`: the geometric mean of the probabilities of its tokens; `json-schema`: 1 if the answer is JSON that the schema accepts, else 0; `verifier`: how likely another model takes it to be right; `top-score`: the highest relevance score of a ranking.',
    ),
  );

const cascade = z.strictObject({
  kind: z.literal('cascade'),
  student: groups.meta(about('Asked first, as `targets` are.')),
  teacher: groups.meta(about('Asked where the answer of the student is not sure enough, or where it has none.')),
  confidence,
  threshold: z
    .union([z.number().min(0).max(1), z.strictObject({ quality: z.number().min(0).max(1) })])
    .meta(
      about(
        "The lowest confidence of an answer that is kept; or the share of the student's answers that have to agree with the teacher's: then the confidence follows from what is measured.",
        { quality: 0.95 },
      ),
    ),
  escalated_share_max: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .meta(about('Of the requests of ten minutes; beyond it, the answer of the student is kept.', 0.25)),
  shadow_share: z
    .number()
    .min(0)
    .max(ROUTE_LIMITS.cascadeShadowShareMax)
    .default(0.01)
    .meta(
      about(
        'Of the answers that are kept: the teacher is asked too, to measure whether they agree. The caller pays for it, and does not wait.',
      ),
    ),
  output_tokens_max: outputTokensMax,
});

const leafChoice = z.discriminatedUnion('kind', [targets, cascade, refusal]);

const split = z.strictObject({
  kind: z.literal('split'),
  ...division,
  parts: z
    .array(z.strictObject({ name: z.string().min(1).max(64), weight, use: leafChoice }))
    .min(2)
    .max(ROUTE_LIMITS.routeBranchesMaxCount),
});

const choice = z.discriminatedUnion('kind', [targets, cascade, refusal, split]);

const rule = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and hyphens')
    .meta(about('`x-sluice-route` gives `rule:` and this name as the reason.', 'long-prompts')),
  when: condition,
  use: choice,
});

/** What every kind of reuse is held to. */
const heldTo = {
  false_hit_max: z
    .number()
    .min(0.001)
    .max(0.5)
    .default(0.05)
    .meta(about('The most that the share of false answers may be, by the upper end of its 95 % interval; above, nothing is reused.')),
  check_share: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.05)
    .meta(about('Of the answers that could be reused: the model is asked too, and its answer is given.')),
  agreement_min: z
    .number()
    .min(0.5)
    .max(1)
    .default(1)
    .meta(
      about(
        'Share of words that two answers must have in common to be the same; numbers and negations must be equal. Where they are not, a verifier decides, if there is one.',
      ),
    ),
} as const;

/** How questions in other words are found. */
const nearness = {
  model: z
    .string()
    .min(1)
    .max(ROUTE_LIMITS.routeTextCharsMax)
    .meta(
      about('The embedding model: of the deployment, such as `glove-sif-100`, a registered one, or `upstream/model`.', 'glove-sif-100'),
    ),
  similarity_min: z.number().min(0.5).max(1).default(0.9).meta(about('The lowest cosine of the vectors of two questions.')),
} as const;

/** When an answer may be given to a question that is worded otherwise. */
const answerReuse = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('reworded'), ...heldTo }),
    z.strictObject({
      kind: z.literal('verified'),
      ...nearness,
      verifier: targetName.meta(about('Asked each time whether the earlier answer answers the new question; it serves chats or ranks.')),
      confidence_min: z.number().min(0.5).max(1).default(0.8).meta(about('Of the verifier: below it, the model is asked.')),
      ...heldTo,
    }),
    z.strictObject({
      kind: z.literal('candidate'),
      ...nearness,
      verifier: targetName.optional().meta(about('Decides whether two answers say the same, where their words differ.')),
      ...heldTo,
    }),
  ])
  .meta(
    about(
      'Off without it. Concerns calls that ask for the cache of answers. `reworded`: questions that differ only in greetings, contractions, spaces, quotes and a final mark. `verified`: questions near in meaning, if a verifier accepts the answer. `candidate`: the same without a verifier, for callers that accept it by `x-sluice-answer-reuse: candidate`; others get a fresh answer, and the candidate is named beside it.',
    ),
  );

export type AnswerReuse = z.output<typeof answerReuse>;

/** Reuse by nearness of vectors. */
export type SemanticReuse = Exclude<AnswerReuse, { kind: 'reworded' }>;

/** The fields of a version; `checkRules` checks what concerns several of them. */
export const ruleFields = {
  rules: z.array(rule).max(ROUTE_LIMITS.routeRulesMaxCount).default([]).meta(about('The first whose condition holds decides.')),
  default: choice.meta(about('What happens where no rule applies.')),
  guardrails: guardrailHooks.optional(),
  answer_reuse: answerReuse.optional(),
} as const;

/** Checks across rules: their names must differ, and the number of their conditions together is limited. */
export function checkRules({ rules }: { readonly rules: readonly z.output<typeof rule>[] }, context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [at, { name }] of rules.entries()) {
    if (seen.has(name)) context.addIssue({ code: 'custom', message: 'is the name of two rules', path: ['rules', at, 'name'] });
    seen.add(name);
  }
  const conditions = rules.reduce((sum, { when }) => sum + conditionCount(when), 0);
  if (conditions > ROUTE_LIMITS.routeConditionsMaxCount)
    context.addIssue({
      code: 'too_big',
      origin: 'array',
      maximum: ROUTE_LIMITS.routeConditionsMaxCount,
      input: conditions,
      message: `have ${conditions} conditions; the limit is ${ROUTE_LIMITS.routeConditionsMaxCount} (routeConditionsMaxCount)`,
      path: ['rules'],
    });
}

export const routeVersion = z.strictObject(ruleFields).superRefine(checkRules);

export type RouteVersion = z.output<typeof routeVersion>;
export type Choice = RouteVersion['default'];
export type CascadeChoice = z.output<typeof cascade>;
export type Confidence = CascadeChoice['confidence'];
export type LeafChoice = Exclude<Choice, { kind: 'split' }>;
