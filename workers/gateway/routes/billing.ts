import type { ShownInvoice } from '../../../src/gateway/tenancy/invoice-reader.ts';
import { alertData } from '../../../src/tenancy/billing/alert-data.ts';
import type { Budget } from '../../../src/tenancy/billing/budget.ts';
import type { Credit, FixedCharge } from '../../../src/tenancy/billing/invoice.ts';
import { invoiceCsv } from '../../../src/tenancy/billing/invoice-csv.ts';
import { invoiceHtml } from '../../../src/tenancy/billing/invoice-html.ts';
import type { Reconciliation } from '../../../src/tenancy/billing/reconciliation.ts';
import type { Webhook } from '../../../src/tenancy/billing/webhook.ts';
import type { AlertRecord } from '../../../src/tenancy/billing/delivery-store.ts';
import { usd } from '../../../src/tenancy/usage/price-book.ts';
import type { Handlers } from '../serve.ts';
import { seconds } from './wire.ts';

export const billingHandlers = {
  getInvoice: async ({ gateway, principal, params, query }) => {
    const read = await gateway.tenancy.invoices.read(principal, query.organisation, params.period);
    return read.ok ? { ok: true, reply: invoiceReply(read.value), used: {} } : read;
  },
  getInvoiceCsv: async ({ gateway, principal, params, query }) => {
    const read = await gateway.tenancy.invoices.read(principal, query.organisation, params.period);
    if (!read.ok) return read;
    const headers = { 'content-disposition': `attachment; filename="${read.value.invoice.id}.csv"` };
    return { ok: true, reply: invoiceCsv(read.value.invoice), used: {}, headers };
  },
  getInvoiceHtml: async ({ gateway, principal, params, query }) => {
    const read = await gateway.tenancy.invoices.read(principal, query.organisation, params.period);
    if (!read.ok) return read;
    return { ok: true, reply: invoiceHtml(read.value.invoice), used: {} };
  },
  listInvoices: async ({ gateway, query }) => {
    const months = await gateway.tenancy.invoices.periods(query.organisation);
    if (!months.ok) return months;
    const data = months.value.map(({ name }) => ({ object: 'invoice.period' as const, period: name }));
    return { ok: true, reply: { object: 'list' as const, data }, used: {} };
  },
  reconcileInvoice: async ({ gateway, params, query }) => {
    const proof = await gateway.tenancy.invoices.reconcile(query.organisation, params.period);
    return proof.ok ? { ok: true, reply: proofReply(params.period, proof.value), used: {} } : proof;
  },
  createCredit: async ({ gateway, principal, body, idempotencyKey }) => {
    const added = await gateway.tenancy.billing.addCredit(principal, body, idempotencyKey);
    return added.ok ? { ok: true, reply: creditReply(added.value), used: {} } : added;
  },
  listCredits: async ({ gateway, query }) => {
    const all = await gateway.tenancy.billing.list(query.organisation, 'credit');
    return all.ok ? { ok: true, reply: listReply(all.value.map(creditReply)), used: {} } : all;
  },
  createCharge: async ({ gateway, principal, body, idempotencyKey }) => {
    const added = await gateway.tenancy.billing.addCharge(principal, body, idempotencyKey);
    return added.ok ? { ok: true, reply: chargeReply(added.value), used: {} } : added;
  },
  listCharges: async ({ gateway, query }) => {
    const all = await gateway.tenancy.billing.list(query.organisation, 'charge');
    return all.ok ? { ok: true, reply: listReply(all.value.map(chargeReply)), used: {} } : all;
  },
  setBudget: async ({ gateway, principal, body }) => {
    const set = await gateway.tenancy.billing.setBudget(principal, body);
    return set.ok ? { ok: true, reply: budgetReply(set.value), used: {} } : set;
  },
  listBudgets: async ({ gateway, query }) => {
    const all = await gateway.tenancy.billing.list(query.organisation, 'budget');
    return all.ok ? { ok: true, reply: listReply(all.value.map(budgetReply)), used: {} } : all;
  },
  deleteBudget: async ({ gateway, principal, params, query }) => {
    const removed = await gateway.tenancy.billing.removeBudget(principal, query.organisation, params.budget);
    return removed.ok ? { ok: true, reply: budgetReply(removed.value), used: {} } : removed;
  },
  createWebhook: async ({ gateway, principal, body, idempotencyKey }) => {
    const added = await gateway.tenancy.billing.addWebhook(principal, body, idempotencyKey);
    return added.ok ? { ok: true, reply: { ...webhookReply(added.value), secret: added.value.secret }, used: {} } : added;
  },
  listWebhooks: async ({ gateway, query }) => {
    const all = await gateway.tenancy.billing.list(query.organisation, 'webhook');
    return all.ok ? { ok: true, reply: listReply(all.value.map(webhookReply)), used: {} } : all;
  },
  deleteWebhook: async ({ gateway, principal, params, query }) => {
    const removed = await gateway.tenancy.billing.removeWebhook(principal, query.organisation, params.webhook);
    return removed.ok ? { ok: true, reply: webhookReply(removed.value), used: {} } : removed;
  },
  listAlerts: async ({ gateway, query }) => {
    const all = await gateway.tenancy.billing.alerts(query.organisation, query.limit);
    return all.ok ? { ok: true, reply: listReply(all.value.map(alertReply)), used: {} } : all;
  },
} satisfies Partial<Handlers>;

const listReply = <T>(data: T[]) => ({ object: 'list' as const, data });

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
  unreconciled: [...unreconciled],
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
