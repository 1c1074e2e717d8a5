import type { DebtRule, Grade } from '../../contract/debt/debt-items.ts';

/** Verdicts of readers on findings: how many there are, and how many of them say that it is debt. */
export interface Judged {
  readonly verdicts: number;
  readonly debt: number;
}

export type JudgedByRule = Readonly<Partial<Record<DebtRule, Readonly<Partial<Record<Grade, Judged>>>>>>;

/** What readers of public repositories judged, by rule and grade: counted from docs/debt/verdicts.json, which a test counts again. */
export const JUDGED: JudgedByRule = {
  hotspot: { strong: { verdicts: 84, debt: 80 }, weak: { verdicts: 26, debt: 12 } },
  'complex-function': { strong: { verdicts: 60, debt: 56 }, weak: { verdicts: 88, debt: 43 } },
  'duplicate-code': { strong: { verdicts: 144, debt: 128 }, weak: { verdicts: 22, debt: 12 } },
  'import-cycle': { strong: { verdicts: 16, debt: 15 }, weak: { verdicts: 10, debt: 6 } },
  'hot-file': { strong: { verdicts: 230, debt: 206 }, weak: { verdicts: 78, debt: 36 } },
  'growing-function': { strong: { verdicts: 20, debt: 18 } },
  'change-coupling': { strong: { verdicts: 18, debt: 2 } },
  'stale-pin': { strong: { verdicts: 12, debt: 8 } },
  'type-hole': { weak: { verdicts: 30, debt: 5 } },
  'old-todo': { weak: { verdicts: 8, debt: 5 } },
  'no-owner': { weak: { verdicts: 10, debt: 0 } },
};

/** So many verdicts on its grade by any rule weigh in with those on one rule: what few judged is not believed at once. */
const PRIOR_VERDICTS = 8;

/** How likely a reader calls a finding of a rule and grade debt: the share of the verdicts that did, shrunk to that of its grade. [D32] */
export function confidenceOf(rule: DebtRule, grade: Grade, judged: JudgedByRule = JUDGED): number {
  const { verdicts, debt } = judged[rule]?.[grade] ?? NONE;
  return (debt + PRIOR_VERDICTS * shareOfGrade(grade, judged)) / (verdicts + PRIOR_VERDICTS);
}

/** Why a finding of a rule is doubted, where nothing more is known of it. */
export function doubtOfRule(rule: DebtRule, grade: Grade): string {
  const { verdicts, debt } = JUDGED[rule]?.[grade] ?? NONE;
  return verdicts === 0 ? 'no reader has judged such a finding yet' : `readers called ${debt} of ${verdicts} such findings debt`;
}

const NONE: Judged = { verdicts: 0, debt: 0 };

/** Over all rules. Of a grade without verdicts nothing is known: one half. */
function shareOfGrade(grade: Grade, judged: JudgedByRule): number {
  const of = Object.values(judged).flatMap((grades) => grades[grade] ?? []);
  const sum = (count: (one: Judged) => number): number => of.reduce((all, one) => all + count(one), 0);
  return (sum(({ debt }) => debt) + 1) / (sum(({ verdicts }) => verdicts) + 2);
}
