import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { organisationId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { DIMENSIONS, METERS } from '../api/meter.ts';
import { dollarsOut } from './money.ts';
import { subjectTenant } from './organisations.ts';
import { wholeText } from '../api/text-number.ts';

const dollars = dollarsOut;

const line = z
  .object({
    meter: z.enum(METERS),
    quantity: z.int().min(0),
    amount_usd: dollars,
    price: z
      .string()
      .meta(about('The edition of the price book; of accelerator time, the price that a pool stated, or the price list.', '2026-01-01')),
    hour: unixSeconds.optional(),
    day: unixSeconds.optional(),
    tenant: z.string().optional(),
    project: z.string().optional(),
    key: z.string().nullable().optional().meta(about('Null for work that no key is at any more, such as a job.')),
    accelerator: z.string().optional().meta(about('Of `accelerator_ms`: the type, where one is known. Each has a price of its own.')),
    model: z.string().nullable().optional().meta(about('`upstream/model` for a model of an upstream.')),
    upstream: z.string().nullable().optional().meta(about('Null if no upstream served it.')),
    route: z.string().optional(),
  })
  .meta({ id: 'UsageLine', description: 'One meter in one group; its amount is rounded once.' });

const query = z.strictObject({
  tenant: subjectTenant,
  organisation: organisationId.optional().meta(about('For the admin: all tenants of an organisation.')),
  from: wholeText(0).optional().meta(about('Seconds since the epoch; the hour it lies in is included. The month so far if absent.')),
  to: wholeText(0).optional().meta(about('Seconds since the epoch; the hour it ends in is included. Now if absent.')),
  group_by: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(DIMENSIONS)).max(DIMENSIONS.length))
    .optional()
    .meta(about(`Dimensions, separated by commas: ${DIMENSIONS.join(', ')}. Lines are always split by meter.`, 'day,model')),
});

export const usageEndpoints = {
  getUsage: {
    ...call('GET', '/v1/usage'),
    tag: 'Tenancy',
    summary: 'What was used, and what it costs',
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query,
    status: 200,
    reply: json(
      named('Usage', {
        object: z.literal('usage'),
        from: unixSeconds,
        to: unixSeconds,
        data: z.array(line),
        total_usd: dollars,
      }),
    ),
  },
} as const satisfies Record<string, Endpoint>;
