import type { OpenbTrace } from './read-openb.ts';
import { capacityMilli } from './read-openb.ts';
import type { OpenbReplay } from './replay.ts';
import { arrivals, OPENB_POLICIES, replayOpenb } from './replay.ts';

export type OpenbPolicyName = keyof typeof OPENB_POLICIES;

/** What has arrived when results are compared, in percent of what the cluster has. */
export const MARKS = [95, 100, 130] as const;
export type Mark = (typeof MARKS)[number];

export interface SeedResult {
  readonly seed: number;
  readonly policy: OpenbPolicyName;
  readonly placed: number;
  readonly refused: number;
  /** Percent of the accelerators that are allocated. */
  readonly allocatedPct: Readonly<Record<Mark, number>>;
}

export interface OpenbStudy {
  readonly results: readonly SeedResult[];
  readonly summary: readonly PolicySummary[];
  /** On how many seeds, at each mark, Sluice allocates more than FGD did on the same arrivals. */
  readonly pairedWins: Readonly<Record<Mark, number>>;
}

interface PolicySummary {
  readonly policy: OpenbPolicyName;
  readonly mean: Readonly<Record<Mark, number>>;
  readonly deviation: Readonly<Record<Mark, number>>;
}

/** Replays a trace once for each seed and policy, every policy with the same arrivals. */
export function studyOpenb(
  trace: OpenbTrace,
  seeds: readonly number[],
  chanceOf: (seed: number) => () => number,
  onReplay: (seed: number, policy: OpenbPolicyName, replay: OpenbReplay) => void = () => undefined,
): OpenbStudy {
  const policies = Object.keys(OPENB_POLICIES) as OpenbPolicyName[];
  const results = seeds.flatMap((seed) => {
    const order = arrivals(trace, capacityMilli(trace.nodes), chanceOf(seed));
    return policies.map((policy): SeedResult => {
      const replay = replayOpenb(trace, order, OPENB_POLICIES[policy]);
      onReplay(seed, policy, replay);
      return { seed, policy, placed: replay.placed, refused: replay.refused, allocatedPct: byMark((mark) => allocatedAt(replay, mark)) };
    });
  });
  const of = (policy: OpenbPolicyName, mark: Mark): number[] =>
    results.filter((result) => result.policy === policy).map(({ allocatedPct }) => allocatedPct[mark]);
  return {
    results,
    summary: policies.map((policy) => ({
      policy,
      mean: byMark((mark) => mean(of(policy, mark))),
      deviation: byMark((mark) => deviation(of(policy, mark))),
    })),
    pairedWins: byMark((mark) => {
      const published = of('fgd', mark);
      return of('sluice', mark).filter((value, index) => value > (published[index] ?? Infinity)).length;
    }),
  };
}

/** The last point stands for 130 %: arrivals end there, a little below or above as the last job has it. */
function allocatedAt({ curve }: OpenbReplay, mark: Mark): number {
  return (mark === 130 ? curve.at(-1) : curve[mark])?.allocatedPct ?? 0;
}

const byMark = (value: (mark: Mark) => number): Record<Mark, number> => ({ 95: value(95), 100: value(100), 130: value(130) });

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
