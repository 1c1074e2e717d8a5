import { assert } from '../../../kernel/assert.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import type { Market } from './pool-spec.ts';

/** What an hour of one whole accelerator costs from `fromMs` on. */
export interface PriceRow {
  /** A type of accelerator, or null for nodes without. */
  readonly accelerator: string | null;
  readonly region: string;
  readonly market: Market;
  /** The only pool that the price is for, whatever its region and market; absent: all there that have none of their own. */
  readonly poolId?: PoolId;
  readonly fromMs: number;
  readonly nanoDollarsPerHour: number;
}

type PriceKey = Pick<PriceRow, 'accelerator' | 'region' | 'market' | 'poolId'>;

/** Prices by type, region and market, or of single pools, each changing in time. */
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

  /** The price that holds at `atMs`, the pool's own before others; undefined when it is not sold then. */
  priceAt(key: PriceKey, atMs: number): number | undefined {
    const ofPool = key.poolId === undefined ? undefined : this.#holding(key, atMs);
    return (ofPool ?? this.#holding({ ...key, poolId: undefined }, atMs))?.nanoDollarsPerHour;
  }

  /** Rows for the same as `row` that held before the one that holds now: they will never matter again. */
  takePast(row: PriceRow, nowMs: number): readonly PriceRow[] {
    const holding = this.#holding(row, nowMs);
    return holding === undefined ? [] : this.#take(keyOf(row), ({ fromMs }) => fromMs < holding.fromMs);
  }

  /** All rows of a pool alone. */
  takeOf(poolId: PoolId): readonly PriceRow[] {
    return [...this.#rows.keys()].flatMap((key) => this.#take(key, (row) => row.poolId === poolId));
  }

  /** The rows of a pool alone, by what they are for and from when. */
  of(poolId: PoolId): readonly PriceRow[] {
    return [...this.#rows.values()].flat().filter((row) => row.poolId === poolId);
  }

  #holding(key: PriceKey | Omit<PriceKey, 'poolId'>, atMs: number): PriceRow | undefined {
    return this.#rows.get(keyOf(key))?.findLast(({ fromMs }) => fromMs <= atMs);
  }

  #take(key: string, isTaken: (row: PriceRow) => boolean): readonly PriceRow[] {
    const rows = this.#rows.get(key) ?? [];
    const left = rows.filter((row) => !isTaken(row));
    if (left.length === 0) this.#rows.delete(key);
    else this.#rows.set(key, left);
    return rows.filter(isTaken);
  }
}

const keyOf = ({ accelerator, region, market, poolId }: { [K in keyof PriceKey]: PriceKey[K] | undefined }): string =>
  poolId === undefined ? `${market} ${region} ${accelerator ?? ''}` : `${poolId} ${accelerator ?? ''}`;
