import { assert } from '../../../kernel/assert.ts';
import type { Market } from './pool-spec.ts';

/** What an hour of one whole accelerator costs from `fromMs` on. */
export interface PriceRow {
  /** A type of accelerator, or null for nodes without. */
  readonly accelerator: string | null;
  readonly region: string;
  readonly market: Market;
  readonly fromMs: number;
  readonly nanoDollarsPerHour: number;
}

type PriceKey = Pick<PriceRow, 'accelerator' | 'region' | 'market'>;

/** Prices by type, region and market, each changing in time. */
export class PriceBook {
  readonly #rows = new Map<string, PriceRow[]>();

  constructor(rows: readonly PriceRow[] = []) {
    for (const row of rows) this.add(row);
  }

  /** Takes a price that holds from its time on, until the next. A second one for the same time replaces the first. */
  add(row: PriceRow): void {
    assert(Number.isSafeInteger(row.nanoDollarsPerHour) && row.nanoDollarsPerHour >= 0, 'a price is a whole number of nano-dollars');
    const kept = (this.#rows.get(keyOf(row)) ?? []).filter(({ fromMs }) => fromMs !== row.fromMs);
    this.#rows.set(
      keyOf(row),
      [...kept, row].toSorted((a, b) => a.fromMs - b.fromMs),
    );
  }

  /** The price that holds at `atMs`; undefined when it is not sold then. */
  priceAt(key: PriceKey, atMs: number): number | undefined {
    return this.#rows.get(keyOf(key))?.findLast(({ fromMs }) => fromMs <= atMs)?.nanoDollarsPerHour;
  }
}

const keyOf = ({ accelerator, region, market }: PriceKey): string => `${market} ${region} ${accelerator ?? ''}`;
