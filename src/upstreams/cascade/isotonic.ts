/** One observation: a score, and whether what it was given to was right (1) or not (0), or how good it was. */
export interface ScoredOutcome {
  readonly score: number;
  readonly quality: number;
  /** So many of them, whose quality is their mean; absent: one. */
  readonly count?: number;
}

/** Scores in ascending order, and from each of them on the quality that is expected: never falling. */
export interface CalibrationCurve {
  readonly scores: readonly number[];
  readonly qualities: readonly number[];
  /** The outcomes that it was learned from. */
  readonly outcomes: number;
}

/**
 * The never-falling step function with the least squared error (pool adjacent violators). Equal scores are one step, whatever the order of the
 * outcomes. [U96]
 */
export function fitIsotonic(outcomes: readonly ScoredOutcome[]): CalibrationCurve {
  const sorted = [...outcomes].sort((left, right) => left.score - right.score);
  const blocks: { score: number; sum: number; count: number }[] = [];
  for (const { score, quality, count = 1 } of sorted) {
    const last = blocks.at(-1);
    if (last?.score === score) {
      last.sum += quality * count;
      last.count += count;
    } else blocks.push({ score, sum: quality * count, count });
  }
  const pooled: typeof blocks = [];
  for (const block of blocks) {
    let merged = block;
    for (let last = pooled.at(-1); last !== undefined && last.sum * merged.count >= merged.sum * last.count; last = pooled.at(-1)) {
      merged = { score: last.score, sum: last.sum + merged.sum, count: last.count + merged.count };
      pooled.pop();
    }
    pooled.push(merged);
  }
  return {
    scores: pooled.map(({ score }) => score),
    qualities: pooled.map(({ sum, count }) => sum / count),
    outcomes: pooled.reduce((total, { count }) => total + count, 0),
  };
}

/** The quality that the curve expects at a score. Below all that it has seen: what it expects of the lowest. */
export function expectedQuality({ scores, qualities }: CalibrationCurve, score: number): number {
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((scores[middle] ?? Infinity) <= score) low = middle + 1;
    else high = middle;
  }
  return qualities[Math.max(0, low - 1)] ?? 0;
}
