import { describe, expect, it } from 'vitest';

import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { planDebt } from '../../../src/debt/plan.ts';
import { forecastRoadmap } from '../../../src/debt/roadmap.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import { teamReport } from '../../../src/debt/teams/team-report.ts';
import { TeamHistoryBuilder } from '../../../src/debt/teams/team-history.ts';
import { explained } from '../../../workers/cli/debt/debt-text.ts';
import { census, fact, NOW_S } from '../../support/fixtures/debt-facts.ts';

const WEEK_S = 7 * 86_400;
const ADA = 'Ada <ada@example.org>';
const policy = debtPolicy.parse({
  expects: [],
  confidence_min: 0,
  components: [{ name: 'core', paths: ['core'], owners: ['core-team'] }],
  teams: [{ name: 'core-team', capacity_minutes_per_week: 2_400, members: ['ada'] }],
});

/** What a repository is told where a change takes so many minutes. */
function toldAt(minutes: number) {
  const of = { symbol: 'parse', detail: { line: 1, last_line: 200, depth: 5 } };
  const price = {
    days: 400,
    commits: 900,
    authors: 40,
    branches: 12,
    branch_hours: 30,
    p10: minutes / 3,
    p90: minutes * 3,
    'left out: bot': 7,
  };
  const known: DebtFact[] = [
    ...['hotspots', 'ownership'].map((signal) => census(signal as 'hotspots')),
    fact('owner', 'core', 'core-team'),
    fact('change-time', '.', minutes, { detail: price }),
    fact('code-lines', 'core/a.ts', 900),
    fact('code-churn', 'core/a.ts', 9),
    fact('code-complexity', 'core/a.ts', 89),
    fact('code-complexity', 'core/a.ts', 89, of),
    fact('function-changes', 'core/a.ts', 26, of),
    fact('function-fixes', 'core/a.ts', 4, { symbol: 'parse', detail: { commits: 26 } }),
  ];
  const facts = new FactSet(known, NOW_S);
  const { findings } = assess(facts, policy);
  const history = new TeamHistoryBuilder(NOW_S);
  for (let week = 0; week < 26; week++) {
    for (const author of [ADA, 'Guest <guest@example.org>']) {
      history.add({ author, atS: NOW_S - week * WEEK_S - 1, components: ['core'], lines: [9] });
    }
  }
  const report = teamReport({ facts, policy, history, items: findings });
  const teams = report.teams.map(({ team }) => team);
  const { owners } = planDebt({ items: findings, teams, readings: [], rising: new Set(), shares: policy.plan, weeks: 13 });
  const feature = { name: 'facets', owner: 'core-team', estimate_minutes: 24_000 };
  const forecast = forecastRoadmap([feature], owners, 26);
  return { findings, load: report.teams[0]?.load, plan: owners[0], forecast, text: explained(findings[0]!, facts) };
}

describe('[D113] items, plan, roadmap and teams have one price', () => {
  const [once, twice] = [toldAt(130), toldAt(260)];

  it('so that all of them double with it', () => {
    const interestOf = ({ findings: [one] }: typeof once) => one?.interest_minutes_per_week.p50 ?? 0;
    expect(interestOf(twice)).toBeCloseTo(2 * interestOf(once), 9);
    expect(once.load?.interest).toBeCloseTo(interestOf(once), 9);
    for (const part of ['interest', 'changes', 'reviews'] as const) expect(twice.load?.[part]).toBeCloseTo(2 * (once.load?.[part] ?? 0), 9);
    expect(once.plan?.interestSavedPerWeek).toBeCloseTo(interestOf(once), 9);
    expect(twice.forecast.interestUnpaidMinutes).toBeCloseTo(2 * once.forecast.interestUnpaidMinutes, 6);
  });

  it('by which a function of complexity 89 that often changes costs hours a quarter, and is paid', () => {
    const [one] = once.findings;
    const hours = ((one?.interest_minutes_per_week.p50 ?? 0) * 13) / 60;
    expect(hours).toBeGreaterThan(3);
    expect(hours).toBeLessThan(40);
    expect(once.plan?.chosen.map(({ id }) => id)).toEqual([one?.id]);
    const [paid] = once.forecast.features;
    expect(paid?.paidWeek).toBeLessThan(paid?.unpaidWeek ?? 0);
  });

  it('which the explanation of an item names, with what it was read from', () => {
    expect(once.text).toContain(
      'a change takes 2.2 h (43 min to 6.5 h), by 900 commits of 40 authors on 400 days, 12 branches merged after 30 hours (median); without 7 bot',
    );
  });
});
