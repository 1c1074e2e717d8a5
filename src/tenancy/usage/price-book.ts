import type { Meter, Quantities, UpstreamMeter } from '../../contract/api/meter.ts';
import { poolPriceOf, priceListOf } from '../../contract/tenancy/accelerator-prices.ts';
import { assert, must } from '../../kernel/assert.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

/** `nano` nano-dollars for every `units` of a meter. */
export interface Price {
  readonly nano: number;
  readonly units: number;
}

/** Prices that hold from a UTC day on, until the next edition. */
export interface PriceEdition {
  /** Names the edition on every line it prices, and its list of accelerators. */
  readonly id: string;
  readonly fromMs: number;
  readonly prices: Readonly<Record<Exclude<Meter, UpstreamMeter>, Price>>;
  /** Of `accelerator_ms`, by the type of accelerator; a type that is not here costs what the meter does. */
  readonly accelerators?: Readonly<Record<string, Price>>;
}

const PER_MILLION = 1_000_000;
const dollars = (amount: number): number => Math.round(amount * 1e9);

const hourly = (nano: number): Price => ({ nano, units: HOUR_MS });

/** What accelerators cost whose pool states no price: the same numbers by which jobs are placed there. */
function accelerators(id: string): { readonly others: Price; readonly byType: Readonly<Record<string, Price>> } {
  const list = must(priceListOf(id), 'an edition has a list of accelerators');
  const byType = Object.fromEntries(Object.entries(list.nanoDollarsPerHour).map(([type, nano]) => [type, hourly(nano)]));
  return { others: hourly(list.othersNanoDollarsPerHour), byType };
}

const OF_2026 = accelerators('2026-01-01');

/** Oldest first. Editions are added, never edited: what has been billed keeps its price. */
export const PRICE_BOOK: readonly PriceEdition[] = [
  {
    id: '2026-01-01',
    fromMs: Date.UTC(2026, 0, 1),
    prices: {
      requests: { nano: dollars(0.15), units: PER_MILLION },
      embedding_tokens: { nano: dollars(0.02), units: PER_MILLION },
      embedding_cached_tokens: { nano: dollars(0.002), units: PER_MILLION },
      vectors_written: { nano: dollars(1), units: PER_MILLION },
      vector_queries: { nano: dollars(2.5), units: PER_MILLION },
      vector_cached_queries: { nano: dollars(0.25), units: PER_MILLION },
      job_tokens: { nano: dollars(0.01), units: PER_MILLION },
      accelerator_ms: OF_2026.others,
    },
    accelerators: OF_2026.byType,
  },
];

/**
 * What upstreams charge is priced where it is counted, by the prices of each model. So these are no prices that an edition sets: they hold in
 * all editions, also those made before there were upstreams (T92).
 */
const UPSTREAM_PRICES: Readonly<Record<UpstreamMeter, Price>> = {
  upstream_input_tokens: { nano: 0, units: 1 },
  upstream_cached_tokens: { nano: 0, units: 1 },
  upstream_output_tokens: { nano: 0, units: 1 },
  upstream_nano: { nano: 1, units: 1 },
};

/** The edition in force at a time. What was used before the first is priced by the first. */
export function editionAt(atMs: number, book: readonly PriceEdition[] = PRICE_BOOK): PriceEdition {
  for (let at = book.length - 1; at > 0; at -= 1) {
    const edition = book[at];
    if (edition !== undefined && edition.fromMs <= atMs) return edition;
  }
  return must(book[0], 'the price book has an edition');
}

/** The edition of that id, which some usage was priced by. */
export const editionNamed = (id: string, book: readonly PriceEdition[] = PRICE_BOOK): PriceEdition =>
  must(
    book.find((edition) => edition.id === id),
    'editions are never taken out of the book',
  );

/** The price of a meter, of one type of accelerator where that matters. */
export function priceOf({ prices, accelerators: types = {} }: PriceEdition, meter: Meter, accelerator: string | null = null): Price {
  if (isUpstreamMeter(meter)) return UPSTREAM_PRICES[meter];
  // A type may have any name, also one that every object has.
  const isListed = meter === 'accelerator_ms' && accelerator !== null && Object.hasOwn(types, accelerator);
  return (isListed ? types[accelerator] : undefined) ?? prices[meter];
}

/** The price of a meter by the id that its usage was recorded under: an edition, or, of accelerator time, a price that a pool stated. */
export function priceNamed(id: string, meter: Meter, accelerator: string | null, book: readonly PriceEdition[] = PRICE_BOOK): Price {
  const stated = poolPriceOf(id);
  if (stated === undefined) return priceOf(editionNamed(id, book), meter, accelerator);
  assert(meter === 'accelerator_ms', 'pools price the time of accelerators alone');
  return { nano: stated.nanoDollarsPerHour, units: HOUR_MS };
}

/** What the price of accelerator time depends on. */
export interface AcceleratorTerms {
  readonly accelerator?: string | null;
  /** Absent or null: by the edition at hand. */
  readonly priceId?: string | null;
}

const isUpstreamMeter = (meter: Meter): meter is UpstreamMeter => meter in UPSTREAM_PRICES;

/** What a quantity costs in nano-dollars, rounded half up, once. Exact for every integer quantity. */
export function amountNano(quantity: number, price: Price): bigint {
  const units = BigInt(price.units);
  return (BigInt(quantity) * BigInt(price.nano) * 2n + units) / (2n * units);
}

/** What quantities cost at most: each meter rounded up, so that sums of parts are never below the line of a bill. */
export function costNanoMax(
  quantities: Quantities,
  edition: PriceEdition,
  { accelerator = null, priceId = null }: AcceleratorTerms = {},
): number {
  let nano = 0;
  for (const meter of Object.keys(quantities) as Meter[]) {
    const quantity = quantities[meter];
    if (quantity === undefined || quantity === 0) continue;
    const isStated = priceId !== null && meter === 'accelerator_ms';
    const price = isStated ? priceNamed(priceId, meter, accelerator) : priceOf(edition, meter, accelerator);
    const product = quantity * price.nano;
    // Exact as far as integers are; most calls are far from that.
    nano += Number.isSafeInteger(product)
      ? (product - (product % price.units)) / price.units + Number(product % price.units > 0)
      : Number((BigInt(quantity) * BigInt(price.nano) + BigInt(price.units) - 1n) / BigInt(price.units));
  }
  return nano;
}

/** What every request costs, whatever else it does. */
export const requestNanoAt = (atMs: number): number => costNanoMax({ requests: 1 }, editionAt(atMs));

/** Nano-dollars as an exact decimal of dollars, such as `0.000000020`; a number of them is a safe integer. */
export function usd(nano: bigint | number): string {
  const digits = String(nano < 0 ? -nano : nano).padStart(10, '0');
  return `${nano < 0 ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
