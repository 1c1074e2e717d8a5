import { leastDollars } from '../../support/oracles/least-dollars.ts';
import { engineDollars, staticInstance } from '../../support/fakes/static-instance.ts';

/** The engine's cost on small static instances, beside the lowest possible cost. */
export function optimumTable(seeds: number): {
  readonly instances: number;
  readonly unplaced: number;
  readonly meanGapPct: number;
  readonly p95GapPct: number;
} {
  const gaps: number[] = [];
  let unplaced = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const instance = staticInstance(seed);
    const least = leastDollars(instance);
    if (least === undefined) continue;
    const spent = engineDollars(instance);
    if (spent === undefined) unplaced += 1;
    else gaps.push(100 * (spent / least - 1));
  }
  gaps.sort((a, b) => a - b);
  const meanGapPct = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const p95GapPct = gaps[Math.floor(0.95 * gaps.length)]!;
  console.log(
    `static instances: up to 16 jobs of 1 to 8 accelerators, three types on demand and spot, priced; ${gaps.length} of them feasible`,
  );
  console.log(
    `  above the optimum (HiGHS): mean ${meanGapPct.toFixed(2)} %, 95th percentile ${p95GapPct.toFixed(1)} %; not all placed in ${unplaced}\n`,
  );
  return { instances: gaps.length, unplaced, meanGapPct, p95GapPct };
}
