import * as z from 'zod';

import { exactlyOneOf } from '../api/presence.ts';
import { about, named } from '../api/api-text.ts';
import { organisationId, projectId, tenantId, unixSeconds, pageLimit } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { ADMIN, call, json, NO_BODY, tenantOrAdmin } from '../api/endpoint.ts';
import { TENANCY_LIMITS } from './tenancy-limits.ts';
import { METERS } from '../api/meter.ts';
import { dollarsIn, dollarsOut } from './money.ts';

const TAG = 'Billing';
const description = z.string().min(1).max(TENANCY_LIMITS.billingTextCharsMax).meta(about('What the invoice says.'));
const organisationQuery = z.strictObject({ organisation: organisationId });
const list = <S extends z.core.$ZodType>(item: S) => z.object({ object: z.literal('list'), data: z.array(item) });

/** The organisation a call is about: the admin names it, a key sees its own tenant's part. */
const subjectOrganisation = z.strictObject({
  organisation: organisationId.optional().meta(about("The admin names it; a key is answered its own tenant's part.")),
});

const period = z
  .string()
  .regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'must be a month such as 2026-11')
  .meta(about('A calendar month, in UTC.', '2026-11'));

const invoiceLine = named('InvoiceLine', {
  kind: z.enum(['usage', 'plan', 'credit']),
  description: z.string(),
  tenant: z.string().nullable(),
  project: z.string().nullable(),
  meter: z.enum(METERS).nullable(),
  model: z.string().nullable(),
  accelerator: z.string().nullable(),
  quantity: z.int().nullable(),
  price: z
    .string()
    .nullable()
    .meta(about('The edition of the price book; of accelerator time, the price that a pool stated, or the price list.')),
  unit_price_usd: dollarsOut.nullable(),
  per_units: z.int().nullable().meta(about('How many units the unit price is for.')),
  amount_usd: dollarsOut.meta(about('Rounded once, here; credits are negative.')),
});

const invoice = named('Invoice', {
  object: z.literal('invoice'),
  id: z.string(),
  organisation: organisationId,
  period,
  state: z.enum(['draft', 'final']).meta(about('A final invoice never changes; later usage of its month is on the next.')),
  lines: z.array(invoiceLine),
  subtotal_usd: dollarsOut,
  total_usd: dollarsOut.meta(about('The sum of the lines.')),
  unreconciled: z
    .array(z.object({ tenant: tenantId, requests: z.int(), tokens: z.int(), amount_usd: dollarsOut.meta(about('What it would cost.')) }))
    .meta(
      about(
        'Granted by quotas in the month and not billed: what gateways and jobs hold now, what they have not reported yet, and what was lost with gateways that died: callers were shown no higher cost than what is billed and this together. Never billed.',
      ),
    ),
});

const reconciliation = named('Reconciliation', {
  object: z.literal('reconciliation'),
  period,
  exact: z.boolean().meta(about('Whether all events of the month, and nothing else, are on its invoice, and its lines add up.')),
  events: z.int(),
  lines_usd: dollarsOut,
  subtotal_usd: dollarsOut,
  rows: z.array(
    z.object({
      tenant: z.string(),
      meter: z.enum(METERS),
      accelerator: z.string().nullable(),
      recorded: z.int(),
      invoiced: z.int(),
      events: z.int(),
    }),
  ),
});

const credit = named('Credit', {
  object: z.literal('credit'),
  id: z.string(),
  description,
  amount_usd: dollarsOut,
  applied_usd: dollarsOut.meta(about('What final invoices have taken.')),
  created_at: unixSeconds,
  expires_at: unixSeconds.nullable(),
});

const charge = z
  .object({
    object: z.literal('charge'),
    id: z.string(),
    description,
    monthly_usd: dollarsOut,
    starts_at: unixSeconds,
    ends_at: unixSeconds.nullable(),
  })
  .meta({ id: 'Charge', description: 'A price by the month, whatever is used; parts of months are prorated.' });

const budget = named('Budget', {
  object: z.literal('budget'),
  id: z.string(),
  level: z.string(),
  amount_usd: dollarsOut,
  thresholds: z.array(z.int()),
  hard: z.boolean(),
});

const webhookFields = { object: z.literal('webhook'), id: z.string(), url: z.string(), created_at: unixSeconds };

const webhook = z.object(webhookFields).meta({ id: 'Webhook' });

const alert = named('Alert', {
  object: z.literal('alert'),
  id: z.string(),
  type: z.string(),
  created_at: unixSeconds,
  data: z.record(z.string(), z.unknown()),
  deliveries: z.array(
    z.object({
      webhook: z.string(),
      state: z.enum(['waiting', 'delivered', 'failed']),
      attempts: z.int(),
      last_status: z.int().nullable(),
    }),
  ),
});

const read = { tag: TAG, access: tenantOrAdmin('usage:read'), meters: [], method: 'GET', body: NO_BODY, status: 200 } as const;
const admin = { tag: TAG, access: ADMIN, meters: [] } as const;
const removal = { ...admin, method: 'DELETE', body: NO_BODY, status: 200, query: organisationQuery } as const;

export const billingEndpoints = {
  getInvoice: {
    ...read,
    path: '/v1/invoices/:period',
    summary: 'The invoice of a month',
    description: 'A draft until three days after the month. Amounts are nano-dollars, rounded once a line; their sum is the total.',
    params: z.object({ period }),
    query: subjectOrganisation,
    reply: json(invoice),
  },
  getInvoiceCsv: {
    ...read,
    path: '/v1/invoices/:period/csv',
    summary: 'The invoice of a month in the columns of FOCUS 1.2',
    params: z.object({ period }),
    query: subjectOrganisation,
    reply: { kind: 'bytes', contentType: 'text/csv; charset=utf-8' },
  },
  getInvoiceHtml: {
    ...read,
    path: '/v1/invoices/:period/html',
    summary: 'The invoice of a month as a page to print',
    params: z.object({ period }),
    query: subjectOrganisation,
    reply: { kind: 'bytes', contentType: 'text/html; charset=utf-8' },
  },
  listInvoices: {
    ...admin,
    ...call('GET', '/v1/invoices'),
    summary: 'The months of an organisation that have an invoice',
    query: organisationQuery,
    status: 200,
    reply: json(z.object({ object: z.literal('list'), data: z.array(z.object({ object: z.literal('invoice.period'), period })) })),
  },
  reconcileInvoice: {
    ...admin,
    ...call('GET', '/v1/invoices/:period/reconciliation'),
    summary: 'Prove that all events of a month are on its invoice',
    description: 'Compares the invoice with totals that are counted apart from what it is made of.',
    params: z.object({ period }),
    query: organisationQuery,
    status: 200,
    reply: json(reconciliation),
  },
  createCredit: {
    ...admin,
    method: 'POST',
    path: '/v1/credits',
    summary: 'Give an organisation a credit',
    description: 'Taken off its invoices, the oldest credit first, as far as it goes.',
    body: json(
      z.strictObject({
        organisation: organisationId,
        description,
        amount_usd: dollarsIn,
        expires_at: unixSeconds.nullable().default(null),
      }),
    ),
    status: 201,
    reply: json(credit),
    idempotent: true,
  },
  listCredits: {
    ...admin,
    ...call('GET', '/v1/credits'),
    summary: 'The credits of an organisation, oldest first',
    query: organisationQuery,
    status: 200,
    reply: json(list(credit)),
  },
  createCharge: {
    ...admin,
    method: 'POST',
    path: '/v1/charges',
    summary: 'Charge an organisation by the month',
    body: json(
      z.strictObject({
        organisation: organisationId,
        description,
        monthly_usd: dollarsIn,
        starts_at: unixSeconds,
        ends_at: unixSeconds.nullable().default(null),
      }),
    ),
    status: 201,
    reply: json(charge),
    idempotent: true,
  },
  listCharges: {
    ...admin,
    ...call('GET', '/v1/charges'),
    summary: 'The monthly charges of an organisation',
    query: organisationQuery,
    status: 200,
    reply: json(list(charge)),
  },
  setBudget: {
    ...admin,
    method: 'PUT',
    path: '/v1/budgets',
    summary: 'Set what an organisation, tenant or project may spend in a month',
    description:
      'Each threshold raises one alert a month when what is billed reaches it. A hard budget also refuses what would pass it, before it is used: ' +
      'then it is a `spend_nano` rule of the level.',
    body: json(
      exactlyOneOf(
        z.strictObject({
          organisation: organisationId.optional(),
          tenant: tenantId.optional(),
          project: projectId.optional(),
          amount_usd: dollarsIn,
          thresholds: z
            .array(z.int().min(1).max(1000))
            .max(TENANCY_LIMITS.budgetThresholdsMaxCount)
            .default([50, 80, 100])
            .meta(about('Percent of the amount.')),
          hard: z.boolean().default(false),
        }),
        ['organisation', 'tenant', 'project'],
        'name one of organisation, tenant, project',
      ),
    ),
    status: 200,
    reply: json(budget),
  },
  listBudgets: {
    ...admin,
    ...call('GET', '/v1/budgets'),
    summary: 'The budgets of an organisation',
    query: organisationQuery,
    status: 200,
    reply: json(list(budget)),
  },
  deleteBudget: {
    ...removal,
    path: '/v1/budgets/:budget',
    summary: 'Remove a budget, and its hard stop',
    params: z.object({ budget: z.string().max(TENANCY_LIMITS.billingTextCharsMax).meta(about('A budget.', 'bg_0123456789abcdefghjk')) }),
    reply: json(budget),
  },
  createWebhook: {
    ...admin,
    method: 'POST',
    path: '/v1/webhooks',
    summary: 'Tell a URL of the alerts of an organisation',
    description:
      'Each delivery is a POST with `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<hex of HMAC-SHA-256(secret, "id.timestamp.body")>`. ' +
      'Refuse timestamps more than five minutes off and ids that were seen. What is not answered with 2xx is tried again for two days.',
    body: json(
      z.strictObject({
        organisation: organisationId,
        url: z
          .url({ protocol: /^https?$/ })
          .max(TENANCY_LIMITS.webhookUrlCharsMax)
          .meta(about('https, at a host of the Internet, unless the deployment allows receivers on its own machine.')),
      }),
    ),
    status: 201,
    reply: json(named('WebhookWithSecret', { ...webhookFields, secret: z.string().meta(about('Shown here and never again.')) })),
    idempotent: true,
  },
  listWebhooks: {
    ...admin,
    ...call('GET', '/v1/webhooks'),
    summary: 'The webhooks of an organisation',
    query: organisationQuery,
    status: 200,
    reply: json(list(webhook)),
  },
  deleteWebhook: {
    ...removal,
    path: '/v1/webhooks/:webhook',
    summary: 'Remove a webhook, and its pending deliveries',
    params: z.object({
      webhook: z
        .string()
        .regex(/^wh_[0-9a-z]{20}$/, 'must be the id of a webhook')
        .meta(about('A webhook.', 'wh_0123456789abcdefghjk')),
    }),
    reply: json(webhook),
  },
  listAlerts: {
    ...admin,
    ...call('GET', '/v1/alerts'),
    summary: 'The alerts of an organisation, newest first, and the state of their deliveries',
    query: organisationQuery.extend({
      limit: pageLimit,
    }),
    status: 200,
    reply: json(list(alert)),
  },
} as const satisfies Record<string, Endpoint>;
