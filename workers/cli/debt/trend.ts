import type { Assessment } from '../../../src/debt/assess.ts';
import { assess } from '../../../src/debt/assess.ts';
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

/** Components whose debt ratio rose from the third last point to the second last, and again to the last. */
export function risingIn(trend: readonly TrendAssessment[]): ReadonlySet<string> {
  const [first, second, last] = trend
    .slice(-3)
    .map(({ assessment }) => new Map(assessment.components.map(({ name, ratio }) => [name, ratio])));
  if (first === undefined || second === undefined || last === undefined) return new Set();
  const rose = (name: string): boolean => {
    const [a, b, c] = [first.get(name), second.get(name), last.get(name)];
    return a !== undefined && b !== undefined && c !== undefined && a < b && b < c;
  };
  return new Set([...last.keys()].filter(rose));
}
