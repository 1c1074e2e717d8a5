import type { Meter } from '../../contract/api/meter.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { PriceEdition } from '../usage/price-book.ts';
import { amountNano, PRICE_BOOK, priceNamed } from '../usage/price-book.ts';
import type { Month } from './month.ts';

/** What one meter came to in a month, for one project, model and type of accelerator, at one price. */
export interface MonthlyUse {
  readonly tenant: string;
  readonly project: string;
  readonly meter: Meter;
  readonly model: string;
  readonly accelerator: string;
  /** An edition of the price book, or a price that a pool stated. */
  readonly priceId: string;
  readonly quantity: number;
  readonly events: number;
}

export interface UsageCharge extends MonthlyUse {
  readonly priceNano: number;
  readonly priceUnits: number;
  /** Rounded half up, once: here. */
  readonly amountNano: bigint;
}

export interface PlanCharge {
  readonly chargeId: string;
  readonly description: string;
  readonly amountNano: bigint;
}

export interface Invoice {
  readonly id: string;
  readonly organisationId: OrganisationId;
  readonly month: Month;
  /** A draft changes as usage comes in; a final invoice never does. */
  readonly state: 'draft' | 'final';
  readonly usage: readonly UsageCharge[];
  readonly plans: readonly PlanCharge[];
  readonly credits: readonly AppliedCredit[];
  readonly subtotalNano: bigint;
  readonly totalNano: bigint;
}

export interface InvoiceParts {
  readonly organisationId: OrganisationId;
  readonly month: Month;
  readonly usage: readonly UsageCharge[];
  readonly charges: readonly FixedCharge[];
  readonly credits: readonly Credit[];
}

export const usageCharges = (uses: readonly MonthlyUse[], book: readonly PriceEdition[] = PRICE_BOOK): UsageCharge[] =>
  uses.map((use) => {
    const price = priceNamed(use.priceId, use.meter, use.accelerator === '' ? null : use.accelerator, book);
    return { ...use, priceNano: price.nano, priceUnits: price.units, amountNano: amountNano(use.quantity, price) };
  });

/** The invoice of a month: the sum of its lines, to the nano-dollar. */
export function draftInvoice({ organisationId, month, usage, charges, credits }: InvoiceParts): Invoice {
  const plans = charges.flatMap((charge): PlanCharge[] => {
    const nano = proratedNano(charge, month.startMs, month.endMs);
    return nano === 0n ? [] : [{ chargeId: charge.id, description: charge.description, amountNano: nano }];
  });
  const subtotalNano = sumOf(usage) + sumOf(plans);
  const applied = applyCredits(credits, subtotalNano, month.startMs, month.endMs);
  return {
    id: `inv_${organisationId.slice('org_'.length)}_${month.name}`,
    organisationId,
    month,
    state: 'draft',
    usage,
    plans,
    credits: applied,
    subtotalNano,
    totalNano: subtotalNano - sumOf(applied),
  };
}

/** The part of an invoice that one tenant used. Plans and credits are the organisation's. */
export function tenantPart(invoice: Invoice, tenant: TenantId): Invoice {
  const usage = invoice.usage.filter((line) => line.tenant === tenant);
  return { ...invoice, usage, plans: [], credits: [], subtotalNano: sumOf(usage), totalNano: sumOf(usage) };
}

const sumOf = (lines: readonly { readonly amountNano: bigint }[]): bigint => lines.reduce((sum, line) => sum + line.amountNano, 0n);

/** Money that an organisation need not pay: taken off its invoices, the oldest credit first. */
export interface Credit {
  readonly id: string;
  readonly description: string;
  readonly amountNano: bigint;
  /** What final invoices have taken. */
  readonly appliedNano: bigint;
  readonly createdAtMs: number;
  /** Null: never. */
  readonly expiresAtMs: number | null;
}

export interface AppliedCredit {
  readonly creditId: string;
  readonly description: string;
  readonly amountNano: bigint;
}

/** What credits take off `totalNano` of a month that ends at `monthEndMs`: never more than there is, never below zero. */
export function applyCredits(credits: readonly Credit[], totalNano: bigint, monthStartMs: number, monthEndMs: number): AppliedCredit[] {
  const applied: AppliedCredit[] = [];
  let restNano = totalNano;
  for (const { id, description, amountNano: givenNano, appliedNano, createdAtMs, expiresAtMs } of credits) {
    if (createdAtMs >= monthEndMs || (expiresAtMs !== null && expiresAtMs <= monthStartMs)) continue;
    const leftNano = givenNano - appliedNano;
    const takenNano = leftNano < restNano ? leftNano : restNano;
    if (takenNano <= 0n) continue;
    applied.push({ creditId: id, description, amountNano: takenNano });
    restNano -= takenNano;
  }
  return applied;
}

/** A price by the month, whatever is used: a plan, support, a commitment. */
export interface FixedCharge {
  readonly id: string;
  readonly description: string;
  readonly monthlyNano: bigint;
  readonly fromMs: number;
  /** Null: until further notice. */
  readonly toMs: number | null;
}

/** What a charge comes to in a month: by the milliseconds of the month that it holds in, rounded half up, once. */
export function proratedNano({ monthlyNano, fromMs, toMs }: FixedCharge, monthStartMs: number, monthEndMs: number): bigint {
  const heldMs = Math.min(toMs ?? monthEndMs, monthEndMs) - Math.max(fromMs, monthStartMs);
  if (heldMs <= 0) return 0n;
  const monthMs = BigInt(monthEndMs - monthStartMs);
  return (monthlyNano * BigInt(heldMs) * 2n + monthMs) / (2n * monthMs);
}
