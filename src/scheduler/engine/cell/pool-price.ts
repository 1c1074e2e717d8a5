import type { HourlyPrice } from '../../../contract/tenancy/accelerator-prices.ts';
import { poolPriceId } from '../../../contract/tenancy/accelerator-prices.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import type { Cell } from './cell.ts';

// The one price of accelerator time: placement compares it, and what was placed is billed by it.

/** What an hour of one accelerator costs in a pool: as stated for it, else by the list of the cell. Undefined: it is not sold there then. */
export function poolPrice(
  { prices, fleet, settings, nowMs }: Cell,
  poolId: PoolId,
  accelerator: string | null,
  atMs = nowMs,
): HourlyPrice | undefined {
  const { region, market } = fleet.pool(poolId).spec;
  const nanoDollarsPerHour = prices.priceAt({ accelerator, region, market, poolId }, atMs);
  if (nanoDollarsPerHour === undefined) return settings.listedPrice?.(accelerator, atMs);
  return { id: poolPriceId({ poolId, market, accelerator, nanoDollarsPerHour }), nanoDollarsPerHour };
}

/** The highest price that is known to hold in a pool at some time of a stretch; undefined where nothing is sold then. */
export function highestPrice(
  cell: Cell,
  poolId: PoolId,
  accelerator: string | null,
  fromMs: number,
  toMs: number,
): HourlyPrice | undefined {
  const times = [fromMs, ...cell.prices.changesBetween(poolId, accelerator, fromMs, toMs)];
  const prices = times.flatMap((atMs) => poolPrice(cell, poolId, accelerator, atMs) ?? []);
  return prices.toSorted((a, b) => b.nanoDollarsPerHour - a.nanoDollarsPerHour)[0];
}
