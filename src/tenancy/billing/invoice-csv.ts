import type { Meter } from '../../contract/api/meter.ts';
import { poolPriceOf } from '../../contract/tenancy/accelerator-prices.ts';
import { usd } from '../usage/price-book.ts';
import { upstreamOf } from '../usage/usage-query.ts';
import type { Invoice, UsageCharge } from './invoice.ts';

/** Columns of FOCUS (FinOps Open Cost and Usage Specification) 1.2 that apply to a service without regions or commitments. */
const COLUMNS = [
  'BilledCost',
  'BillingAccountId',
  'BillingCurrency',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'ChargeFrequency',
  'ChargePeriodStart',
  'ChargePeriodEnd',
  'ConsumedQuantity',
  'ConsumedUnit',
  'ContractedCost',
  'EffectiveCost',
  'InvoiceId',
  'InvoiceIssuerName',
  'ListCost',
  'ListUnitPrice',
  'PricingCategory',
  'PricingQuantity',
  'PricingUnit',
  'ProviderName',
  'PublisherName',
  'ResourceId',
  'ResourceType',
  'ServiceCategory',
  'ServiceName',
  'SkuId',
  'SkuPriceId',
  'SubAccountId',
  'SubAccountType',
  'Tags',
] as const;

type Row = Readonly<Partial<Record<(typeof COLUMNS)[number], string>>>;

const UNIT: Readonly<Record<Meter, string>> = {
  requests: 'Requests',
  embedding_tokens: 'Tokens',
  embedding_cached_tokens: 'Tokens',
  vectors_written: 'Vectors',
  vector_queries: 'Queries',
  vector_cached_queries: 'Queries',
  job_tokens: 'Tokens',
  accelerator_ms: 'Milliseconds',
  upstream_input_tokens: 'Tokens',
  upstream_cached_tokens: 'Tokens',
  upstream_output_tokens: 'Tokens',
  upstream_nano: 'Nano-dollars',
};

/** One line a charge, costs in dollars to the nano: their sum is the total of the invoice. */
export function invoiceCsv(invoice: Invoice): string {
  const common: Row = {
    BillingAccountId: invoice.organisationId,
    BillingCurrency: 'USD',
    BillingPeriodStart: iso(invoice.month.startMs),
    BillingPeriodEnd: iso(invoice.month.endMs),
    ChargePeriodStart: iso(invoice.month.startMs),
    ChargePeriodEnd: iso(invoice.month.endMs),
    InvoiceId: invoice.id,
    InvoiceIssuerName: 'Sluice',
    ProviderName: 'Sluice',
    PublisherName: 'Sluice',
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: 'Sluice',
  };
  const rows: Row[] = [
    ...invoice.usage.map((line) => ({ ...common, ...usageRow(line) })),
    ...invoice.plans.map(({ chargeId, description, amountNano }) => ({
      ...common,
      ...costs(amountNano),
      ChargeCategory: 'Purchase',
      ChargeFrequency: 'Recurring',
      ChargeDescription: description,
      SkuId: chargeId,
    })),
    ...invoice.credits.map(({ creditId, description, amountNano }) => ({
      ...common,
      ...costs(-amountNano),
      ChargeCategory: 'Credit',
      ChargeFrequency: 'One-Time',
      ChargeDescription: description,
      SkuId: creditId,
    })),
  ];
  return [COLUMNS.join(','), ...rows.map((row) => COLUMNS.map((column) => field(row[column] ?? '')).join(','))].join('\r\n').concat('\r\n');
}

function usageRow(line: UsageCharge): Row {
  const { tenant, project, meter, model, accelerator, quantity, amountNano, priceId, priceNano, priceUnits } = line;
  const upstream = upstreamOf(model);
  return {
    ...costs(amountNano),
    ChargeCategory: 'Usage',
    ChargeFrequency: 'Usage-Based',
    ChargeDescription: [meter, model, accelerator].filter((part) => part !== '').join(' '),
    ConsumedQuantity: String(quantity),
    ConsumedUnit: UNIT[meter],
    ListUnitPrice: usd(BigInt(priceNano)),
    PricingCategory: CATEGORY[poolPriceOf(priceId)?.market ?? 'on_demand'],
    PricingQuantity: String(quantity),
    PricingUnit: priceUnits === 1 ? UNIT[meter] : `${priceUnits} ${UNIT[meter]}`,
    ResourceId: model,
    ResourceType: model === '' ? '' : 'Model',
    SkuId: meter,
    SkuPriceId: `${meter}/${priceId}`,
    SubAccountId: tenant,
    SubAccountType: 'Tenant',
    Tags: JSON.stringify({ project, ...(accelerator === '' ? {} : { accelerator }), ...(upstream === '' ? {} : { upstream }) }),
  };
}

/** FOCUS's categories of a price: of what is committed to, what varies, and the rest. */
const CATEGORY = { reserved: 'Committed', on_demand: 'Standard', spot: 'Dynamic' } as const;

const costs = (nano: bigint): Row => ({ BilledCost: usd(nano), ContractedCost: usd(nano), EffectiveCost: usd(nano), ListCost: usd(nano) });

const iso = (ms: number): string => new Date(ms).toISOString();

/** RFC 4180; and no cell that a spreadsheet would take for a formula. */
function field(text: string): string {
  const safe = /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
