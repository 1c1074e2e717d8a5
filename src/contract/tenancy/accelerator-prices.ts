import type { PoolId } from '../../kernel/ids.ts';

// What accelerator time costs a tenant. Every price has an id that says it: the ledger can be read later without the pool, or a record of one.

/** Prices of accelerators whose pool states none, from a UTC day on until the next list. */
export interface AcceleratorPriceList {
  /** That of the edition of the price book which it is part of. */
  readonly id: string;
  readonly fromMs: number;
  /** Nano-dollars for an hour of one accelerator, by type. */
  readonly nanoDollarsPerHour: Readonly<Record<string, number>>;
  /** Of every other type, and of nodes without accelerators. */
  readonly othersNanoDollarsPerHour: number;
}

/** Oldest first. Lists are added, never edited. */
export const ACCELERATOR_PRICE_LISTS: readonly [AcceleratorPriceList, ...AcceleratorPriceList[]] = [
  {
    id: '2026-01-01',
    fromMs: Date.UTC(2026, 0, 1),
    nanoDollarsPerHour: { cpu: 80_000_000, l4: 800_000_000, a100: 1_900_000_000, h100: 2_900_000_000, h200: 3_600_000_000 },
    othersNanoDollarsPerHour: 2_500_000_000,
  },
];

/** What an hour of one whole accelerator costs, or of a node without any, and the id by which it is billed. */
export interface HourlyPrice {
  readonly id: string;
  readonly nanoDollarsPerHour: number;
}

/** The price of a type in the list in force; before the first list, in the first. */
export function listedPrice(accelerator: string | null, atMs: number): HourlyPrice {
  const [first] = ACCELERATOR_PRICE_LISTS;
  const { id, nanoDollarsPerHour, othersNanoDollarsPerHour } = ACCELERATOR_PRICE_LISTS.findLast(({ fromMs }) => fromMs <= atMs) ?? first;
  const ofType = accelerator === null || !Object.hasOwn(nanoDollarsPerHour, accelerator) ? undefined : nanoDollarsPerHour[accelerator];
  return { id, nanoDollarsPerHour: ofType ?? othersNanoDollarsPerHour };
}

/** The list of that id; undefined where the price was stated by a pool. */
export const priceListOf = (id: string): AcceleratorPriceList | undefined => ACCELERATOR_PRICE_LISTS.find((list) => list.id === id);

interface PoolPriceTerms {
  readonly poolId: PoolId;
  readonly market: 'reserved' | 'on_demand' | 'spot';
  /** Null: of nodes without accelerators. */
  readonly accelerator: string | null;
  readonly nanoDollarsPerHour: number;
}

/** An example of an id. */
export const PRICE_ID = 'pool_0123456789b6d8w0f3/spot/h100@1.200000000';

const NANO_DIGITS = 9;
const POOL_PRICE = /^(pool_[0-9a-z_]+)\/(reserved|on_demand|spot)\/([^@]+)@(\d+)\.(\d{9})$/;

/** Stands for nodes without accelerators in the id of a price. */
const NODE = '-';

/** The id of a price that a pool states, such as `pool_0123456789b6d8w0f3/spot/h100@1.200000000`: US dollars an hour. */
export function poolPriceId({ poolId, market, accelerator, nanoDollarsPerHour }: PoolPriceTerms): string {
  const digits = String(nanoDollarsPerHour).padStart(NANO_DIGITS + 1, '0');
  return `${poolId}/${market}/${accelerator ?? NODE}@${digits.slice(0, -NANO_DIGITS)}.${digits.slice(-NANO_DIGITS)}`;
}

/** What a price id of a pool says; undefined for any other id. */
export function poolPriceOf(id: string): PoolPriceTerms | undefined {
  const [, poolId, market, accelerator, whole = '', part = ''] = POOL_PRICE.exec(id) ?? [];
  if (poolId === undefined) return undefined;
  return {
    poolId: poolId as PoolId,
    market: market as PoolPriceTerms['market'],
    accelerator: accelerator === NODE ? null : (accelerator ?? null),
    nanoDollarsPerHour: Number(`${whole}${part}`),
  };
}

/** One in a thousand. */
const MILLE = 1_000;

/** What a tenant pays for what costs the pool so much, with the margin in thousandths of that: rounded half up, once. */
export const withMargin = (costNanoDollars: number, marginPerMille: number): number =>
  Number((BigInt(costNanoDollars) * BigInt(MILLE + marginPerMille) * 2n + BigInt(MILLE)) / BigInt(2 * MILLE));
