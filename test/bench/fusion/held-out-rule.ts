import { groupBy } from '../../../src/kernel/grouped.ts';
import type { DefaultRule } from '../../../src/text/fusion/default-rule.ts';
import type { FusionCell } from './fusion-cell.ts';

const QUALITY_POWERS = [3, 4, 5, 6, 7];
const LEVEL_WEIGHTS = [0, 2, 4, 5, 6, 7, 8];
const RULES: readonly DefaultRule[] = QUALITY_POWERS.flatMap((qualityPower) =>
  LEVEL_WEIGHTS.map((levelWeight) => ({ qualityPower, levelWeight })),
);

/** Of each collection, the rule that is best on all others: its own judgements do not choose it. */
export function heldOutRules(cells: readonly FusionCell[]): Map<string, DefaultRule> {
  const gains = cells.map((cell) => {
    const better = Math.max(...cell.alone);
    return RULES.map((rule) => cell.byDefault({ isJudged: false, rule }) - better);
  });
  const names = [...new Set(cells.map(({ collection }) => collection))];
  return new Map(names.map((name) => [name, RULES[bestOf(cells, gains, name)]!]));
}

/** The rule with the highest gain in the mean of the other collections, each of which is the mean of its cells. */
function bestOf(cells: readonly FusionCell[], gains: readonly (readonly number[])[], without: string): number {
  const others = [...cells.keys()].filter((at) => cells[at]!.collection !== without);
  const means = RULES.map((_, rule) =>
    meanOf([...groupBy(others, (at) => cells[at]!.collection).values()].map((of) => meanOf(of.map((at) => gains[at]![rule]!)))),
  );
  return means.indexOf(Math.max(...means));
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
