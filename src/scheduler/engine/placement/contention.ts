/**
 * How contended an idle resource is, from 0 to 1: the part of all idle capacity that jobs which need this very resource will request, by
 * their share of the usual demand, over how much of it there is. Squared, so that it hardly counts before it is scarce.
 */
export function contention(demandShare: number, idleMilli: number, ofItMilli: number): number {
  return Math.min(1, (demandShare * idleMilli) / Math.max(1, ofItMilli)) ** 2;
}
