import * as z from 'zod';

import { about } from './api-text.ts';
import { guardrailHooks } from './guardrails.ts';
import { LIMITS } from './limits.ts';
import { condition, conditionCount, division, targetName } from './route-conditions.ts';

// A version of a route: its rules in order, and what it does where none applies.

const weight = z.int().min(1).max(LIMITS.routeWeightMax);

const groups = z
  .array(
    z
      .array(z.strictObject({ target: targetName, weight: weight.optional() }))
      .min(1)
      .max(LIMITS.routeGroupTargetsMaxCount),
  )
  .min(1)
  .max(LIMITS.routeGroupsMaxCount)
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
  message: z.string().min(1).max(LIMITS.routeTextCharsMax).meta(about('The error message that the caller gets.')),
});

const leafChoice = z.discriminatedUnion('kind', [targets, refusal]);

const split = z.strictObject({
  kind: z.literal('split'),
  ...division,
  parts: z
    .array(z.strictObject({ name: z.string().min(1).max(64), weight, use: leafChoice }))
    .min(2)
    .max(LIMITS.routeBranchesMaxCount),
});

const choice = z.discriminatedUnion('kind', [targets, refusal, split]);

const rule = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and hyphens')
    .meta(about('`x-sluice-route` gives `rule:` and this name as the reason.', 'long-prompts')),
  when: condition,
  use: choice,
});

/** The fields of a version; `checkRules` checks what concerns several of them. */
export const ruleFields = {
  rules: z.array(rule).max(LIMITS.routeRulesMaxCount).default([]).meta(about('The first whose condition holds decides.')),
  default: choice.meta(about('What happens where no rule applies.')),
  guardrails: guardrailHooks.optional(),
} as const;

/** Checks across rules: their names must differ, and the number of their conditions together is limited. */
export function checkRules({ rules }: { readonly rules: readonly z.output<typeof rule>[] }, context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [at, { name }] of rules.entries()) {
    if (seen.has(name)) context.addIssue({ code: 'custom', message: 'is the name of two rules', path: ['rules', at, 'name'] });
    seen.add(name);
  }
  const conditions = rules.reduce((sum, { when }) => sum + conditionCount(when), 0);
  if (conditions > LIMITS.routeConditionsMaxCount)
    context.addIssue({
      code: 'too_big',
      origin: 'array',
      maximum: LIMITS.routeConditionsMaxCount,
      input: conditions,
      message: `have ${conditions} conditions; the limit is ${LIMITS.routeConditionsMaxCount} (routeConditionsMaxCount)`,
      path: ['rules'],
    });
}

export const routeVersion = z.strictObject(ruleFields).superRefine(checkRules);

export type RouteVersion = z.output<typeof routeVersion>;
export type Choice = RouteVersion['default'];
export type LeafChoice = Exclude<Choice, { kind: 'split' }>;
