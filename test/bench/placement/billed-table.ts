import type { BilledTrace } from '../../support/worlds/billed-trace.ts';
import { billedTrace } from '../../support/worlds/billed-trace.ts';

/** What a mixed trace is billed, against what it would be where each job runs in the cheapest pool that has room. */
export function billedTable(seeds: number): BilledTrace {
  const traces = Array.from({ length: seeds }, (_, index) => billedTrace(index + 1, 80));
  const sum = (value: (trace: BilledTrace) => number): number => traces.reduce((total, trace) => total + value(trace), 0);
  const all = {
    jobs: sum(({ jobs }) => jobs),
    dollars: sum(({ dollars }) => dollars),
    leastDollars: sum(({ leastDollars }) => leastDollars),
    dearer: sum(({ dearer }) => dearer),
  };
  console.log(
    `a mixed trace: ${all.jobs} jobs of ${seeds} seeds on six pools, two of which state no price: billed $${all.dollars.toFixed(2)}, ` +
      `$${all.leastDollars.toFixed(2)} in the cheapest pools that had room; ${all.dearer} jobs ran elsewhere`,
  );
  return all;
}
