import { LIMITS } from '../../contract/limits.ts';

/**
 * How many of the shards that a query wants it can ask in the time it has: a call more delays all of them by what a call costs
 * whoever makes it, and the slow ones among them take `slowMs`. One at least; without experience, all.
 */
export function probeCount(wanted: number, remainingMs: number, slowMs: number | undefined): number {
  if (slowMs === undefined) return wanted;
  const affordable = Math.floor((remainingMs - slowMs) / LIMITS.leafCallCostMs);
  return Math.min(wanted, Math.max(1, affordable));
}
