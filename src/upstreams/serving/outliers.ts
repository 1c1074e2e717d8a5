/** A target fails markedly when at least this share of its calls does ... */
const SHARE_MIN = 0.2;
/** ... and this many times the share that is usual in the better half of its group. */
const TIMES_OTHERS = 2;

/**
 * Which members of a group fail so much more than the others that they are avoided while another can serve: the worst ones, never more
 * than half of the group. [U56] It lasts as long as the failures are in the window.
 */
export function outliers(failureShares: readonly (number | undefined)[]): ReadonlySet<number> {
  const bestFirst = failureShares.map((share = 0, member) => ({ share, member })).toSorted((a, b) => a.share - b.share);
  const better = bestFirst.slice(0, Math.ceil(bestFirst.length / 2));
  const usual = better.reduce((sum, { share }) => sum + share, 0) / Math.max(1, better.length);
  const worse = bestFirst.slice(better.length);
  return new Set(worse.flatMap(({ share, member }) => (share >= SHARE_MIN && share >= TIMES_OTHERS * usual ? [member] : [])));
}
