import type { SampleRecall } from '../ann/shard-protocol.ts';

/** What samples imply for the recall of all searches. */
export interface RecallEstimate {
  /** The mean share of the nearest that a search finds. */
  readonly mean: number;
  /** The standard error of that mean; undefined for one sample, which does not show a spread. */
  readonly standardError: number | undefined;
  /** Where the true mean lies, at 95 % confidence. */
  readonly low: number;
  readonly high: number;
}

// The normal quantile of 95 %, both sides.
const Z = 1.959_964;

/**
 * The mean recall of samples and how sure it is; undefined without samples.
 *
 * The interval is Wilson's for a share, with the number of independent trials that would spread as the samples do: it stays within
 * [0, 1] and does not shrink to a point when no sample missed anything. One sample is at least one trial, and at most as many as
 * the neighbours it has.
 */
export function estimateRecall(samples: readonly SampleRecall[]): RecallEstimate | undefined {
  const count = samples.length;
  if (count === 0) return undefined;
  const shares = samples.map(shareOf);
  const mean = sum(shares) / count;
  const variance = sum(shares.map((share) => (share - mean) ** 2)) / (count - 1);
  const standardError = count === 1 ? undefined : Math.sqrt(variance / count);
  const trials = trialsOf(mean, standardError ?? 0, count, sum(samples.map(({ of }) => of)));
  const [low, high] = wilson(mean, trials);
  return { mean, standardError, low, high };
}

/** The share of its nearest that a sample found. */
export const shareOf = ({ found, of }: SampleRecall): number => found / of;

/** How many independent trials of a share have that standard error; as few as possible when it is unknown. */
function trialsOf(mean: number, standardError: number, min: number, max: number): number {
  if (standardError === 0) return min;
  return Math.min(max, Math.max(min, (mean * (1 - mean)) / standardError ** 2));
}

function wilson(share: number, trials: number): [low: number, high: number] {
  const scale = 1 / (1 + Z ** 2 / trials);
  const centre = (share + Z ** 2 / (2 * trials)) * scale;
  const half = Z * Math.sqrt((share * (1 - share)) / trials + Z ** 2 / (4 * trials ** 2)) * scale;
  return [Math.max(0, Math.min(share, centre - half)), Math.min(1, Math.max(share, centre + half))];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
