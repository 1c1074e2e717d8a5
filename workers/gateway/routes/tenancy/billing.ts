import type { ShownInvoice } from '../../../../src/gateway/tenancy/invoice-reader.ts';
import { alertData } from '../../../../src/tenancy/billing/alert-data.ts';
import type { Budget } from '../../../../src/tenancy/billing/budget.ts';
import type { Credit, FixedCharge } from '../../../../src/tenancy/billing/invoice.ts';
import { invoiceCsv } from '../../../../src/tenancy/billing/invoice-csv.ts';
import { invoiceHtml } from '../../../../src/tenancy/billing/invoice-html.ts';
import type { Month } from '../../../../src/tenancy/billing/month.ts';
import type { Reconciliation } from '../../../../src/tenancy/billing/reconciliation.ts';
import type { Webhook } from '../../../../src/tenancy/billing/webhook.ts';
import type { AlertRecord } from '../../../../src/tenancy/billing/delivery-store.ts';
import { usd } from '../../../../src/tenancy/usage/price-book.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied, seconds } from '../wire.ts';

export const billingHandlers = {
  getInvoice: ({ gateway, principal, params, query }) =>
    replied(gateway.tenancy.invoices.read(principal, query.organisation, params.period), invoiceReply),
  getInvoiceCsv: async ({ gateway, principal, params, query }) => {
    const read = await gateway.tenancy.invoices.read(principal, query.organisation, params.period);
    if (!read.ok) return read;
    const headers = { 'content-disposition': `attachment; filename="${read.value.invoice.id}.csv"` };
    return { ok: true, reply: invoiceCsv(read.value.invoice), used: {}, headers };
  },
  getInvoiceHtml: ({ gateway, principal, params, query }) =>
    replied(gateway.tenancy.invoices.read(principal, query.organisation, params.period), (read) => invoiceHtml(read.invoice)),
  listInvoices: ({ gateway, query }) => replied(gateway.tenancy.invoices.periods(query.organisation), listOf(periodReply)),
  reconcileInvoice: ({ gateway, params, query }) =>
    replied(gateway.tenancy.invoices.reconcile(query.organisation, params.period), (proof) => proofReply(params.period, proof)),
  createCredit: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.tenancy.billing.addCredit(principal, body, idempotencyKey), creditReply),
  listCredits: ({ gateway, query }) => replied(gateway.tenancy.billing.list(query.organisation, 'credit'), listOf(creditReply)),
  createCharge: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.tenancy.billing.addCharge(principal, body, idempotencyKey), chargeReply),
  listCharges: ({ gateway, query }) => replied(gateway.tenancy.billing.list(query.organisation, 'charge'), listOf(chargeReply)),
  setBudget: ({ gateway, principal, body }) => replied(gateway.tenancy.billing.setBudget(principal, body), budgetReply),
  listBudgets: ({ gateway, query }) => replied(gateway.tenancy.billing.list(query.organisation, 'budget'), listOf(budgetReply)),
  deleteBudget: ({ gateway, principal, params, query }) =>
    replied(gateway.tenancy.billing.removeBudget(principal, query.organisation, params.budget), budgetReply),
  createWebhook: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.tenancy.billing.addWebhook(principal, body, idempotencyKey), (added) => ({
      ...webhookReply(added),
      secret: added.secret,
    })),
  listWebhooks: ({ gateway, query }) => replied(gateway.tenancy.billing.list(query.organisation, 'webhook'), listOf(webhookReply)),
  deleteWebhook: ({ gateway, principal, params, query }) =>
    replied(gateway.tenancy.billing.removeWebhook(principal, query.organisation, params.webhook), webhookReply),
  listAlerts: ({ gateway, query }) => replied(gateway.tenancy.billing.alerts(query.organisation, query.limit), listOf(alertReply)),
} satisfies Partial<Handlers>;

const listOf =
  <T, Item>(itemReply: (item: T) => Item) =>
  (all: readonly T[]) => ({ object: 'list' as const, data: all.map(itemReply) });

const periodReply = ({ name }: Month) => ({ object: 'invoice.period' as const, period: name });

const NO_USE = { tenant: null, project: null, meter: null, model: null, accelerator: null, quantity: null } as const;
const NO_PRICE = { price: null, unit_price_usd: null, per_units: null } as const;

const invoiceReply = ({ invoice, unreconciled }: ShownInvoice) => ({
  object: 'invoice' as const,
  id: invoice.id,
  organisation: invoice.organisationId,
  period: invoice.month.name,
  state: invoice.state,
  lines: [
    ...invoice.usage.map((line) => ({
      kind: 'usage' as const,
      description: line.meter,
      tenant: line.tenant,
      project: line.project,
      meter: line.meter,
      model: line.model || null,
      accelerator: line.accelerator || null,
      quantity: line.quantity,
      price: line.priceId,
      unit_price_usd: usd(BigInt(line.priceNano)),
      per_units: line.priceUnits,
      amount_usd: usd(line.amountNano),
    })),
    ...invoice.plans.map(({ description, amountNano }) => ({
      kind: 'plan' as const,
      description,
      ...NO_USE,
      ...NO_PRICE,
      amount_usd: usd(amountNano),
    })),
    ...invoice.credits.map(({ description, amountNano }) => ({
      kind: 'credit' as const,
      description,
      ...NO_USE,
      ...NO_PRICE,
      amount_usd: usd(-amountNano),
    })),
  ],
  subtotal_usd: usd(invoice.subtotalNano),
  total_usd: usd(invoice.totalNano),
  unreconciled: unreconciled.map(({ amountNano, ...rest }) => ({ ...rest, amount_usd: usd(amountNano) })),
});

const proofReply = (period: string, { isExact, events, linesNano, subtotalNano, rows }: Reconciliation) => ({
  object: 'reconciliation' as const,
  period,
  exact: isExact,
  events,
  lines_usd: usd(linesNano),
  subtotal_usd: usd(subtotalNano),
  rows: rows.map((row) => ({
    tenant: row.tenant,
    meter: row.meter,
    accelerator: row.accelerator || null,
    recorded: row.quantity,
    invoiced: row.invoicedQuantity,
    events: row.events,
  })),
});

const creditReply = (credit: Credit) => ({
  object: 'credit' as const,
  id: credit.id,
  description: credit.description,
  amount_usd: usd(credit.amountNano),
  applied_usd: usd(credit.appliedNano),
  created_at: seconds(credit.createdAtMs),
  expires_at: credit.expiresAtMs === null ? null : seconds(credit.expiresAtMs),
});

const chargeReply = (charge: FixedCharge) => ({
  object: 'charge' as const,
  id: charge.id,
  description: charge.description,
  monthly_usd: usd(charge.monthlyNano),
  starts_at: seconds(charge.fromMs),
  ends_at: charge.toMs === null ? null : seconds(charge.toMs),
});

const budgetReply = ({ id, levelId, amountNano, thresholds, isHard }: Budget) => ({
  object: 'budget' as const,
  id,
  level: levelId,
  amount_usd: usd(BigInt(amountNano)),
  thresholds: [...thresholds],
  hard: isHard,
});

const webhookReply = ({ id, url, createdAtMs }: Webhook) => ({ object: 'webhook' as const, id, url, created_at: seconds(createdAtMs) });

const alertReply = ({ alert, deliveries }: AlertRecord) => ({
  object: 'alert' as const,
  id: alert.id,
  type: alert.kind,
  created_at: seconds(alert.atMs),
  data: alertData(alert),
  deliveries: deliveries.map(({ webhookId, state, attempts, lastStatus }) => ({
    webhook: webhookId,
    state,
    attempts,
    last_status: lastStatus,
  })),
});
