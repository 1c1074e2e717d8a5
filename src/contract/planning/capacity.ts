import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { organisationId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { PLANNING_LIMITS } from './planning-limits.ts';
import { METERS } from '../api/meter.ts';
import { subjectTenant } from '../tenancy/organisations.ts';
import { wholeText } from '../api/text-number.ts';

/** How sure an interval is, as it is asked for. */
export const INTERVAL_LEVELS = ['0.8', '0.9', '0.95'] as const;

/** What is forecast: the meters, and what they cost together. */
export const FORECAST_RESOURCES = [...METERS, 'spend_nano'] as const;

export type ForecastResource = (typeof FORECAST_RESOURCES)[number];

export const forecastQuery = z.strictObject({
  tenant: subjectTenant,
  organisation: organisationId.optional().meta(about('For the admin: all tenants of an organisation together.')),
  horizon_days: wholeText(1, PLANNING_LIMITS.forecastDaysMax).default(30).meta(about('How far to look ahead.', 30)),
  level: z.enum(INTERVAL_LEVELS).default('0.9').meta(about('How often the truth is to lie within an interval.')),
});

export type ForecastQuery = z.output<typeof forecastQuery>;

const amount = z.number().min(0);
const moment = unixSeconds.nullable();

/** What a forecast says of a series, whatever it is of. */
export const seriesFields = {
  status: z
    .enum(['forecast', 'not_enough_data'])
    .meta(about('`not_enough_data`: `steps_needed` whole steps are needed, and there are `steps`.')),
  steps: z.int().min(0).meta(about('How many whole steps there were since the first use.')),
  steps_needed: z.int().min(1),
  method: z.string().nullable().meta(about('The one that would have erred least on the past of this series.', 'holt_winters')),
  error: z.number().min(0).nullable().meta(about('How far off it would have been, as a share of what came.')),
  tried_steps: z.int().nullable().meta(about('How far ahead its intervals were tried out; beyond, they grow with the root of the step.')),
  points: z.array(z.object({ at: unixSeconds, expected: amount, low: amount, high: amount })),
};

const series = named('ForecastSeries', {
  resource: z.enum(FORECAST_RESOURCES),
  step: z.enum(['day', 'hour']).meta(about('By the hour as long as there are too few days.')),
  ...seriesFields,
});

export const ceiling = named('ForecastCeiling', {
  kind: z.enum(['quota', 'budget', 'index', 'pool', 'cache']),
  subject: z
    .string()
    .meta(
      about(
        'The level of the quota or budget, the index, the type of accelerator, or the model whose vectors are cached.',
        'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j',
      ),
    ),
  resource: z.string().meta(about('What is used up.', 'requests')),
  window: z.string().nullable().meta(about('Of a quota: the window that the limit is of.', 'month')),
  limit: amount,
  used: amount.meta(about('Now, or in the busiest window of late.')),
  peak: amount.nullable().meta(about('The most that is expected within the horizon; null: not enough data.')),
  basis: z.string().meta(about('What the numbers are made of.')),
  status: z
    .enum(['within', 'at_risk', 'saturates', 'not_enough_data'])
    .meta(about('`saturates`: what is expected reaches the limit within the horizon; `at_risk`: the upper end of the interval does.')),
  reached_at: moment,
  earliest_at: moment.meta(about('By the upper end of the interval.')),
  latest_at: moment.meta(about('By the lower end; null: beyond the horizon.')),
  advice: z
    .object({
      action: z.enum(['raise_quota', 'raise_budget', 'add_index', 'add_accelerators', 'extend_cache']),
      quantity: amount.meta(about('What is missing at the end of the horizon by the upper end of the interval.')),
      lead_days: z.number().min(0),
      order_by: unixSeconds,
      usd_per_month: z.number().min(0).nullable(),
    })
    .nullable(),
});

const forecast = named('CapacityForecast', {
  object: z.literal('capacity.forecast'),
  at: unixSeconds,
  horizon_days: z.int(),
  level: z.number(),
  series: z.array(series),
  ceilings: z.array(ceiling).meta(about('Those reached first come first.')),
  left_out: z.array(z.string()).meta(about('What could not be compared, and why.')),
});

export type ForecastReply = z.input<typeof forecast>;

export const capacityEndpoints = {
  getCapacityForecast: {
    ...call('GET', '/v1/capacity/forecast'),
    tag: 'Planning',
    summary: 'How use grows, and when quotas, budgets, indexes and pools are used up',
    description:
      'Continues what the ledger counted by the method that would have forecast it best, with intervals from how far off that was, and compares it with ' +
      'every limit that the caller may see. Series that are too short say how much is missing.',
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query: forecastQuery,
    status: 200,
    reply: json(forecast),
  },
} as const satisfies Record<string, Endpoint>;
