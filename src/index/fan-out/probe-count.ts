import { LIMITS } from '../../contract/limits.ts';

/**
 * How many of the shards that a query wants it can ask in the time it has: each further call delays all of them by the cost of making a
 * call, and the slow ones take `slowMs`. At least one; without measurements, all.
 */
export function probeCount(wanted: number, remainingMs: number, slowMs: number | undefined): number {
  if (slowMs === undefined) return wanted;
  const affordable = Math.floor((remainingMs - slowMs) / LIMITS.leafCallCostMs);
  return Math.min(wanted, Math.max(1, affordable));
}
