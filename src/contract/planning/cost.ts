import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { REUSE_KINDS, REUSE_STATE_TEXT, REUSE_STATES } from '../routes/answer-reuse.ts';
import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { dollarsOut } from '../tenancy/money.ts';

// What inference cost, what was saved, and what would save more.

/** The sources of savings. */
export const SAVING_NAMES = ['answer_cache', 'answer_reuse', 'routes', 'prompt_cache', 'embedding_cache', 'query_cache'] as const;

/** The sources that a tenant's own numbers may recommend. */
export const ADVICE_NAMES = ['answer_cache', 'routes'] as const;

const range = z.object({ low: dollarsOut, high: dollarsOut });

const strategy = (() => {
  const measured = z.object({ figure: z.string(), quality: z.string(), command: z.string(), date: z.string(), load: z.string() });
  return z
    .object({
      name: z.enum(['quantisation', 'distillation', 'pruning', 'batching', 'caching', 'routing']),
      does: z.string(),
      published: z.array(z.object({ figure: z.string(), quality: z.string(), source: z.string() })),
      measured: z.array(measured),
      needs: z.object({ retraining: z.string(), validation: z.string(), hardware: z.string() }),
      not_when: z.string(),
    })
    .meta({ id: 'CostStrategy' });
})();

export type StrategyReply = z.infer<typeof strategy>;

const stack = (() => {
  const estimate = z.object({ mean: z.number(), low: z.number(), high: z.number() });
  const step = z.object({
    name: z.string(),
    usd_per_million: z.number().meta(about('Of a million calls.')),
    share: z.number().meta(about('Of what all steps together save; negative: the step costs more than it saves.')),
    loss: estimate.meta(about('The share of nDCG@10 that is lost.')),
    escalated: z.number().meta(about('The share of the texts that the student passed on to the teacher.')),
  });
  return z
    .object({
      tokens: z.int().meta(about('Of each text.')),
      place: z.string().meta(about('Where the teacher ran.')),
      measure: z
        .string()
        .meta(about("`strict`: nDCG counts the teacher's ten nearest; `graded`: texts by their similarity to the teacher.")),
      steps: z.array(step).meta(about('In the order in which the strategies were switched on.')),
      total: estimate.meta(about('How many times cheaper than the teacher on every call.')),
      best: z.object({ up_to: z.string(), factor: estimate }).meta(about('The step at which the calls are cheapest.')),
      of_sensible: estimate.meta(about('How many times cheaper than the teacher in int8, in batches of 16, behind the cache.')),
      with_requests: estimate.meta(about('As `total`, the requests that bring the texts included.')),
    })
    .meta({ id: 'ReplayedStack' });
})();

export type StackReply = z.infer<typeof stack>;

const report = named('CostReport', {
  object: z.literal('cost.report'),
  month: z.string(),
  from: unixSeconds.meta(about('Where the numbers begin: with the month, or later where the log does not reach back so far.')),
  to: unixSeconds,
  is_logged: z.boolean().meta(about('False: the policy of the log is `off`, so the report lacks calls to upstreams.')),
  spent_usd: dollarsOut.meta(about('Of `upstreams`, `unanswered` and `shadows`.')),
  upstreams: z.object({ requests: z.int(), cost_usd: dollarsOut }).meta(about('Answered calls to models of upstreams.')),
  unanswered: z
    .object({ requests: z.int(), cost_usd: dollarsOut })
    .meta(about('Calls that failed, broke off or were blocked: their models were charged for what they had said.')),
  shadows: z
    .object({ requests: z.int(), cost_usd: dollarsOut })
    .meta(about('Calls that Sluice made itself, to compare their answers with those that callers got. No part of `upstreams`.')),
  targets: z
    .array(
      z.object({
        target: z.string().nullable(),
        requests: z.int(),
        input_tokens: z.int(),
        cached_tokens: z.int(),
        output_tokens: z.int(),
        cost_usd: dollarsOut.meta(about('Without that of shadows.')),
        beside: z
          .object({ requests: z.int(), cost_usd: dollarsOut })
          .meta(about('Calls that another target answered, such as those that a cascade passed on from this student. Part of `cost_usd`.')),
        shadows: z.object({ requests: z.int(), cost_usd: dollarsOut }),
      }),
    )
    .meta(about('The dearest first.')),
  savings: z
    .array(
      z.object({
        name: z.enum(SAVING_NAMES),
        quantity: z.int(),
        unit: z.enum(['requests', 'tokens', 'queries']),
        saved_usd: dollarsOut,
        compared_with: z.string().meta(about('The charge that the saving is measured against.')),
      }),
    )
    .meta(about('Exact, at the prices when each call ended. They may be added up: no saving is counted twice.')),
  saved_usd: dollarsOut,
  reuse: z
    .array(
      z.object({
        route: z.string().meta(about('With its version.', 'desk@2')),
        kind: z.enum(REUSE_KINDS),
        state: z.enum(REUSE_STATES).meta(REUSE_STATE_TEXT),
        checked: z.int().meta(about('Reusable answers that were compared with the answer of the model; of many, older ones fade.')),
        differed: z.int(),
        false_hit_bound: z.number().meta(about('The upper end of the 95 % interval of the share of false answers.')),
        false_hit_max: z.number(),
        reused: z.int().meta(about('Answers of the month that were made for another question.')),
        saved_usd: dollarsOut.meta(about('What that saved, less what finding and judging such answers has cost.')),
      }),
    )
    .meta(about('By version of a route that reuses answers: how often they may be false, and what they saved.')),
  next: z.array(
    z.object({
      name: z.enum(ADVICE_NAMES),
      applies_to_usd: dollarsOut.meta(about('The cost of the calls that it would apply to.')),
      saves_usd: range.nullable().meta(about('Null: too few calls used it for an estimate.')),
      basis: z.string(),
      how: z.string(),
    }),
  ),
  strategies: z.array(strategy).meta(about('The evidence for each strategy. Figures of different strategies do not add up.')),
  replayed: z
    .object({
      command: z.string(),
      date: z.string(),
      load: z.string(),
      splits: z.int(),
      repeat_rate: z.number(),
      loss_max: z.number(),
      stacks: z.array(stack),
    })
    .meta(about('What all strategies save together: one replayed trace, each strategy switched on after those before it.')),
});

export type CostReportReply = z.infer<typeof report>;

export const costEndpoints = {
  getCostReport: {
    tag: 'Tenancy',
    meters: [],
    status: 200,
    access: tenant('usage:read'),
    ...call('GET', '/v1/cost/report'),
    summary: 'What inference cost in a month, what was saved, and what would save more',
    description:
      'Each saving compares the charge of a call of the tenant with what the same call would have been charged otherwise. A key that is restricted ' +
      'to some resources is refused. Calls of the last second may be missing.',
    query: z.strictObject({
      month: z
        .string()
        .regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'must be a month such as 2026-11')
        .optional()
        .meta(about('In UTC; the current month if absent.', '2026-11')),
    }),
    reply: json(report),
  },
} as const satisfies Record<string, Endpoint>;
