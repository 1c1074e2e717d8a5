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
  /** When it ends, and what held before it holds again; absent: not by itself. */
  readonly untilMs?: number;
  /** What tenants pay. */
  readonly nanoDollarsPerHour: number;
  /** What the pool costs, and the margin on that in thousandths of it; absent in rows of before: tenants pay what the pool costs. */
  readonly costNanoDollarsPerHour?: number;
  readonly marginPerMille?: number;
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

  /** Whether a row is the one of its kind that holds. */
  holds(row: PriceRow, atMs: number): boolean {
    return this.#holding(row, atMs) === row;
  }

  /** Rows for the same as `row` that will never hold again: they have ended, or one without an end has followed. */
  takePast(row: PriceRow, nowMs: number): readonly PriceRow[] {
    const lasting = this.#rows.get(keyOf(row))?.findLast(({ fromMs, untilMs }) => fromMs <= nowMs && untilMs === undefined);
    return this.#take(keyOf(row), ({ fromMs, untilMs = Infinity }) => untilMs <= nowMs || fromMs < (lasting?.fromMs ?? -Infinity));
  }

  /** When the next of all prices begins or ends after `atMs`; Infinity when none does. */
  nextChangeMs(atMs: number): number {
    let next = Infinity;
    for (const rows of this.#rows.values()) for (const change of changesOf(rows)) if (change > atMs && change < next) next = change;
    return next;
  }

  /** When prices of a pool for a type begin or end, between two times. */
  changesBetween(poolId: PoolId, accelerator: string | null, fromMs: number, toMs: number): readonly number[] {
    const rows = this.of(poolId).filter((row) => row.accelerator === accelerator);
    return changesOf(rows).filter((atMs) => atMs > fromMs && atMs < toMs);
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
    return this.#rows.get(keyOf(key))?.findLast(({ fromMs, untilMs = Infinity }) => fromMs <= atMs && atMs < untilMs);
  }

  #take(key: string, isTaken: (row: PriceRow) => boolean): readonly PriceRow[] {
    const rows = this.#rows.get(key) ?? [];
    const left = rows.filter((row) => !isTaken(row));
    if (left.length === 0) this.#rows.delete(key);
    else this.#rows.set(key, left);
    return rows.filter(isTaken);
  }
}

const changesOf = (rows: readonly PriceRow[]): readonly number[] => rows.flatMap(({ fromMs, untilMs = Infinity }) => [fromMs, untilMs]);

const keyOf = ({ accelerator, region, market, poolId }: { [K in keyof PriceKey]: PriceKey[K] | undefined }): string =>
  poolId === undefined ? `${market} ${region} ${accelerator ?? ''}` : `${poolId} ${accelerator ?? ''}`;
