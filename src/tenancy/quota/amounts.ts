import type { Meter, Quantities } from '../../contract/api/meter.ts';
import type { Consumed, Resource } from '../../contract/tenancy/quota-terms.ts';
import type { AcceleratorTerms, PriceEdition } from '../usage/price-book.ts';
import { costNanoMax } from '../usage/price-book.ts';

/** What a counter counts: a resource, or the accelerators of one type, which count as accelerators in general too. */
export type CounterKey = Resource | `accelerator_ms:${string}`;

/** Whole units by counter; an absent one is zero. */
export type Amounts = Readonly<Partial<Record<CounterKey, number>>>;

export const NOTHING: Amounts = {};

export const keysOf = (amounts: Amounts): CounterKey[] => Object.keys(amounts) as CounterKey[];

/** Amounts that one owner changes in place: each request does so several times. */
export type Sum = Partial<Record<CounterKey, number>>;

export function add(sum: Sum, amounts: Amounts): void {
  for (const key of keysOf(amounts)) sum[key] = (sum[key] ?? 0) + (amounts[key] ?? 0);
}

/** Never below zero. */
export function subtract(sum: Sum, amounts: Amounts): void {
  for (const key of keysOf(amounts)) sum[key] = Math.max(0, (sum[key] ?? 0) - (amounts[key] ?? 0));
}

/** A new set of amounts from the counters of both; zeros are left out. */
export function combine(a: Amounts, b: Amounts, of: (a: number, b: number) => number): Amounts {
  const combined: Sum = {};
  for (const key of keysOf(a)) set(combined, key, of(a[key] ?? 0, b[key] ?? 0));
  for (const key of keysOf(b)) if (!(key in a)) set(combined, key, of(0, b[key] ?? 0));
  return combined;
}

export const plus = (a: Amounts, b: Amounts): Amounts => combine(a, b, (x, y) => x + y);

/** Never below zero. */
export const minus = (a: Amounts, b: Amounts): Amounts => combine(a, b, (x, y) => Math.max(0, x - y));

export function covers(a: Amounts, b: Amounts): boolean {
  for (const key of keysOf(b)) if ((a[key] ?? 0) < (b[key] ?? 0)) return false;
  return true;
}

export function isNothing(a: Amounts): boolean {
  for (const key of keysOf(a)) if (a[key] !== 0) return false;
  return true;
}

/** What a meter counts as, besides what it costs; undefined where only that counts. */
export const COUNTER_OF: Readonly<Record<Meter, Consumed | undefined>> = {
  requests: 'requests',
  embedding_tokens: 'tokens',
  embedding_cached_tokens: 'tokens',
  vectors_written: undefined,
  vector_queries: 'queries',
  vector_cached_queries: 'queries',
  job_tokens: 'tokens',
  accelerator_ms: 'accelerator_ms',
  upstream_input_tokens: 'tokens',
  upstream_cached_tokens: 'tokens',
  upstream_output_tokens: 'tokens',
  upstream_nano: undefined,
};

/** The part of metered quantities that quotas limit, with what they cost at most. */
export function amountsOf(quantities: Quantities, edition: PriceEdition, terms: AcceleratorTerms = {}): Amounts {
  const { accelerator = null } = terms;
  const amounts: Sum = {};
  for (const meter of Object.keys(quantities) as Meter[]) {
    const quantity = quantities[meter] ?? 0;
    const counter = COUNTER_OF[meter];
    if (quantity === 0) continue;
    if (counter !== undefined) amounts[counter] = (amounts[counter] ?? 0) + quantity;
    if (meter === 'accelerator_ms' && accelerator !== null) amounts[`accelerator_ms:${accelerator}`] = quantity;
  }
  set(amounts, 'spend_nano', costNanoMax(quantities, edition, terms));
  return amounts;
}

function set(amounts: Sum, key: CounterKey, units: number): void {
  if (units !== 0) amounts[key] = units;
}
