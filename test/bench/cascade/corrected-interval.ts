/** The mean of a figure over splits of the same data, and where it lies with 95 % confidence. */
export interface CorrectedMean {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantiles of Student's t, by degrees of freedom; those between are read at the next lower one, which is wider. */
const T_QUANTILES = [
  [2, 4.303],
  [3, 3.182],
  [4, 2.776],
  [9, 2.262],
  [19, 2.093],
  [39, 2.023],
  [99, 1.984],
] as const;

/**
 * Splits of the same data overlap, so figures of them vary together: their variance is corrected by the size of the tested part relative to the
 * learned one (Nadeau and Bengio, 2003).
 */
export function correctedMean(values: readonly number[], testShare: number): CorrectedMean {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const quantile = T_QUANTILES.findLast(([freedom]) => freedom <= values.length - 1)?.[1] ?? Number.POSITIVE_INFINITY;
  const half = quantile * Math.sqrt((1 / values.length + testShare) * variance);
  return { mean, low: mean - half, high: mean + half };
}
