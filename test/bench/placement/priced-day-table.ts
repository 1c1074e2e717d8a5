import type { DayPolicy } from '../../support/worlds/priced-day.ts';
import { pricedDay } from '../../support/worlds/priced-day.ts';

interface DayRow {
  readonly policy: DayPolicy;
  readonly dollars: number;
  readonly deadlinesMet: number;
  readonly jobs: number;
  readonly interruptions: number;
}

const TITLES: Readonly<Record<DayPolicy, string>> = {
  work: 'Sluice',
  cheapest: 'cheapest hour that has room, tightest node',
  best_fit: 'fastest type that has room, tightest node',
};

/** The mean cost of a day of 160 jobs on three accelerator types, on demand and spot (see `priced-day.ts`). */
export function pricedDayTable(seeds: number): readonly DayRow[] {
  console.log(`a priced day: 160 jobs, three types, spot at 25 to 75 % whose nodes are taken away and come back; mean of ${seeds} seeds`);
  return (Object.keys(TITLES) as DayPolicy[]).map((policy) => {
    const days = Array.from({ length: seeds }, (_, index) => pricedDay(index + 1, policy));
    const mean = (value: (day: (typeof days)[number]) => number): number => days.reduce((sum, day) => sum + value(day), 0) / seeds;
    const row = {
      policy,
      dollars: mean(({ dollars }) => dollars),
      deadlinesMet: mean(({ deadlinesMet }) => deadlinesMet),
      jobs: mean(({ jobs }) => jobs),
      interruptions: mean(({ interruptions }) => interruptions),
    };
    console.log(
      `  ${TITLES[policy].padEnd(44)} $${row.dollars.toFixed(0).padStart(5)}   ${row.deadlinesMet.toFixed(1)} of ${row.jobs} in time, ` +
        `${row.interruptions.toFixed(1)} interruptions`,
    );
    return row;
  });
}
