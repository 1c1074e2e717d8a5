/** Of each query: how sure the model is of its first answer, and what its ranking is worth (nDCG at 10). */
export interface Judged {
  readonly name: string;
  readonly confidence: readonly number[];
  readonly ndcg: readonly number[];
  /** CPU of a query, in ms. */
  readonly cpuMs: number;
}

export interface CurvePoint {
  /** Shares of all queries that the second model, the third and so on answered. */
  readonly escalated: readonly number[];
  readonly ndcg: number;
  readonly cpuMs: number;
}

/**
 * A cascade that passes on, at each step, the `share` of the queries that reach it of which it is the least sure. The threshold is that of these queries,
 * so a point says what the best threshold would give, not what one that was chosen before gives.
 */
export function cascadePoint(models: readonly Judged[], shares: readonly number[]): CurvePoint {
  const count = models[0]?.ndcg.length ?? 0;
  let open = Array.from({ length: count }, (_, query) => query);
  let [gained, cpuMs] = [0, 0];
  const escalated: number[] = [];
  for (const [step, { confidence, ndcg, cpuMs: each }] of models.entries()) {
    cpuMs += (each * open.length) / count;
    const surest = open.toSorted((a, b) => confidence[b]! - confidence[a]!);
    const kept = step === models.length - 1 ? open.length : Math.round(open.length * (1 - (shares[step] ?? 0)));
    for (const query of surest.slice(0, kept)) gained += ndcg[query]!;
    open = surest.slice(kept);
    if (step < models.length - 1) escalated.push(open.length / count);
  }
  return { escalated, ndcg: gained / count, cpuMs };
}

const SHARES = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** The cheapest point that has `least` of nDCG; undefined: none has. */
export function cheapestAt(models: readonly Judged[], least: number): CurvePoint | undefined {
  const grid = models.slice(1).reduce<number[][]>((all) => all.flatMap((some) => SHARES.map((share) => [...some, share])), [[]]);
  const points = grid.map((shares) => cascadePoint(models, shares)).filter(({ ndcg }) => ndcg >= least);
  return points.toSorted((a, b) => a.cpuMs - b.cpuMs)[0];
}
