import * as z from 'zod';

import { about, apiOnly, apiText } from './api-text.ts';
import { unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenant } from './endpoint.ts';
import { dollarsOut } from './money.ts';

// What inference cost, what was saved, and what would save more.

/** The sources of savings. */
export const SAVING_NAMES = ['answer_cache', 'routes', 'prompt_cache', 'embedding_cache', 'query_cache'] as const;

/** The sources that a tenant's own numbers may recommend. */
export const ADVICE_NAMES = ['answer_cache', 'routes'] as const;

const range = apiOnly(() => z.object({ low: dollarsOut, high: dollarsOut }));

const report = apiOnly(() =>
  z
    .object({
      object: z.literal('cost.report'),
      month: z.string(),
      from: unixSeconds.meta(about('Where the numbers begin: with the month, or later where the log does not reach back so far.')),
      to: unixSeconds,
      is_logged: z.boolean().meta(about('False: the policy of the log is `off`, so the report lacks calls to upstreams.')),
      upstreams: z.object({ requests: z.int(), cost_usd: dollarsOut }).meta(about('Answered calls to models of upstreams.')),
      targets: z.array(
        z.object({
          target: z.string().nullable(),
          requests: z.int(),
          input_tokens: z.int(),
          cached_tokens: z.int(),
          output_tokens: z.int(),
          cost_usd: dollarsOut,
        }),
      ),
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
      next: z.array(
        z.object({
          name: z.enum(ADVICE_NAMES),
          applies_to_usd: dollarsOut.meta(about('The cost of the calls that it would apply to.')),
          saves_usd: range.nullable().meta(about('Null: too few calls used it for an estimate.')),
          basis: z.string(),
          how: z.string(),
        }),
      ),
    })
    .meta({ id: 'CostReport' }),
);

export type CostReportReply = z.infer<typeof report>;

export const costEndpoints = {
  getCostReport: {
    tag: 'Tenancy',
    meters: [],
    status: 200,
    access: tenant('usage:read'),
    method: 'GET',
    path: '/v1/cost/report',
    summary: apiText('What inference cost in a month, what was saved, and what would save more'),
    description: apiText(
      'Each saving compares the charge of a call of the tenant with what the same call would have been charged otherwise. A key that is restricted ' +
        'to some resources is refused.',
    ),
    query: z.strictObject({
      month: z
        .string()
        .regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'must be a month such as 2026-11')
        .optional()
        .meta(about('In UTC; the current month if absent.', '2026-11')),
    }),
    body: NO_BODY,
    reply: json(report),
  },
} as const satisfies Record<string, Endpoint>;
