import * as z from 'zod';

import { about, apiOnly, apiText } from './api-text.ts';
import { unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenant } from './endpoint.ts';
import { dollarsOut } from './money.ts';

// What inference cost, what was saved, and what would save more.

/** What has saved something for a tenant. */
export const SAVING_NAMES = ['answer_cache', 'routes', 'prompt_cache', 'embedding_cache', 'query_cache'] as const;

/** What can be advised from a tenant's own numbers. */
export const ADVICE_NAMES = ['answer_cache', 'routes'] as const;

const range = apiOnly(() => z.object({ low: dollarsOut, high: dollarsOut }));

const report = apiOnly(() =>
  z
    .object({
      object: z.literal('cost.report'),
      month: z.string(),
      from: unixSeconds.meta(about('From when on there are numbers: the month’s begin, or as far back as the log is kept.')),
      to: unixSeconds,
      is_logged: z.boolean().meta(about('False: the policy of the log is `off`, so calls to upstreams are not in the report.')),
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
            compared_with: z.string().meta(about('What would have been charged instead.')),
          }),
        )
        .meta(about('Exact, by the prices of the moment. Different kinds may add up: none counts what another one has counted.')),
      saved_usd: dollarsOut,
      next: z.array(
        z.object({
          name: z.enum(ADVICE_NAMES),
          applies_to_usd: dollarsOut.meta(about('What the calls cost that it would apply to.')),
          saves_usd: range.nullable().meta(about('Null: these numbers do not say.')),
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
      'Savings are of the tenant’s own calls, each compared with what the same call would have been charged. A key that is restricted to some ' +
        'resources is refused.',
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
