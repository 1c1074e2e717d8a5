import type { Assessment } from '../../../src/debt/rules/assess.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import { hasRisenTwice } from '../../../src/debt/plan.ts';
import { groupBy } from '../../../src/kernel/grouped.ts';
import type { Measured, MeasureOptions } from './measure.ts';
import { measureEarlier } from './measure.ts';
import { git } from './repository/git.ts';

const WEEK_S = 7 * 86_400;
/** Debt is paid and taken on over weeks: commits closer together differ by chance. */
export const TREND_STEP_WEEKS = 4;

export interface TrendAssessment {
  readonly atS: number;
  readonly commit: string;
  readonly assessment: Assessment;
}

/**
 * What the last commits before so many points in time, four weeks apart, carried, the oldest first. All are judged by the history and the
 * policy of the newest, so that only their code differs; points before the first commit are left out.
 */
export async function trendOf(newest: Measured, options: MeasureOptions, points: number): Promise<readonly TrendAssessment[]> {
  const { repository } = newest;
  const found: TrendAssessment[] = [];
  for (let back = points - 1; back > 0; back--) {
    const atS = repository.committedAtS - back * TREND_STEP_WEEKS * WEEK_S;
    const commit = (await git(repository.root, 'rev-list', '-1', '--first-parent', `--before=${atS}`, repository.commit)).trim();
    if (commit === '') continue;
    const { facts } = await measureEarlier(newest, options, commit);
    found.push({ atS, commit, assessment: assess(facts, newest.policy) });
  }
  return [...found, { atS: repository.committedAtS, commit: repository.commit, assessment: assess(newest.facts, newest.policy) }];
}

/** Components whose debt ratio rose twice in a row. [D71] */
export function risingIn(trend: readonly TrendAssessment[]): ReadonlySet<string> {
  const ratios = groupBy(
    trend.slice(-3).flatMap(({ assessment }) => assessment.components),
    ({ name }) => name,
  );
  return new Set([...ratios].flatMap(([name, scores]) => (hasRisenTwice(scores.map(({ ratio }) => ratio)) ? [name] : [])));
}
