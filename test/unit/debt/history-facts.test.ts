import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { debtFact, FACT_KINDS } from '../../../src/contract/debt/debt-facts.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { guardedMetrics } from '../../../src/debt/teams/guard-metrics.ts';
import { factsOfHistory, historyOf } from '../../../src/debt/teams/history-facts.ts';
import { TeamHistoryBuilder } from '../../../src/debt/teams/team-history.ts';
import { changesOfOthers, loadOf, rampUpWeeksOf } from '../../../src/debt/teams/team-load.ts';
import { splitOf } from '../../../src/debt/teams/team-split.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { factOf } from '../../support/debt/signed-upload.ts';

const NOW_S = 1_800_000_000;
const DAY_S = 86_400;
const AUTHORS = ['Ann <ann@example.org>', 'Bea <bea@example.org>', 'Cem <cem@example.org>', 'Dan <dan@example.org>'];
const COMPONENTS = ['search', 'text', 'pages', 'docs'];

/** What a register knows of a history: its facts, written and read. */
function kept(history: TeamHistoryBuilder) {
  const facts = [...factsOfHistory(history)].map((one) => factOf({ ...one, unit: FACT_KINDS[one.kind].unit }, NOW_S));
  for (const fact of facts) expect(debtFact.safeParse(fact).error).toBeUndefined();
  const census = factOf({ kind: 'census', subject: '.', symbol: 'teams', value: 4, unit: 'subjects' }, NOW_S);
  const asOf = { ...census, detail: { as_of: NOW_S - 9 } };
  // A census of an earlier version does not say as of when its ages are: as of its own time.
  expect(historyOf(new FactSet([...facts, asOf], NOW_S))?.nowS).toBe(NOW_S - 9);
  return historyOf(new FactSet([...facts, census], NOW_S));
}

const changes = fc.array(
  fc.record({
    author: fc.constantFrom(...AUTHORS),
    days: fc.integer({ min: 0, max: 3 * 365 }),
    components: fc.uniqueArray(fc.constantFrom(...COMPONENTS), { minLength: 1 }),
    lines: fc.integer({ min: 1, max: 500 }),
  }),
  { minLength: 40, maxLength: 120 },
);

describe('a history of teams as facts', () => {
  it('[D75] says of teams what the commits say', () => {
    fc.assert(
      fc.property(changes, (commits) => {
        const history = new TeamHistoryBuilder(NOW_S);
        for (const { author, days, components, lines } of commits)
          history.add({ author, atS: NOW_S - days * DAY_S, components, lines: components.map(() => lines) });
        const read = kept(history);
        if (read === undefined) return false;
        const team = { name: 'one', capacity_minutes_per_week: 600, members: AUTHORS.slice(0, 2), on_call: [] };
        const load = (of: typeof read) =>
          loadOf(
            team,
            { interest: 0, reviewed: changesOfOthers(team, new Set(['search']), of) },
            { history: of, changeMinutes: 30, rampUpWeeks: 4, hiringWeeks: 12 },
          );
        const split = (of: typeof read) => splitOf(COMPONENTS, (name) => name.length, of.together)?.parts;
        expect(read.recent).toEqual(history.recent);
        expect(load(read)).toEqual(load(history));
        expect(rampUpWeeksOf(read)).toEqual(rampUpWeeksOf(history));
        expect(split(read)).toEqual(split(history));
        return true;
      }),
      { numRuns: effort(30), seed: 19 },
    );
  });

  it('[D75] leaves out authors of little, but none who says how far the history reaches', () => {
    const history = new TeamHistoryBuilder(NOW_S);
    const add = (author: string, days: number, lines: number) =>
      history.add({ author, atS: NOW_S - days * DAY_S, components: ['search'], lines: [lines] });
    add('First <first@example.org>', 1_000, 1);
    for (let day = 300; day < 320; day++) add(AUTHORS[0] ?? '', day, 1_000);
    add('Passing <passing@example.org>', 400, 1);
    add('Lately <lately@example.org>', 3, 1);
    const read = kept(history);
    expect([...(read?.knowledge.get('search')?.keys() ?? [])]).toEqual([AUTHORS[0], 'Lately <lately@example.org>']);
    expect([...(read?.weekly.keys() ?? [])]).toEqual([AUTHORS[0], 'First <first@example.org>', 'Lately <lately@example.org>']);
    expect(historyOf(new FactSet([], NOW_S))).toBeUndefined();
  });
});

it('[D75] of very many authors, those who count most are what a register takes', () => {
  const history = new TeamHistoryBuilder(NOW_S);
  for (let at = 0; at < 6_000; at++) {
    const author = `Author ${at} <a${at}@example.org>`;
    const commits = at < 50 ? 40 : 1;
    for (let week = 0; week < commits; week++)
      history.add({ author, atS: NOW_S - (at % 150) * DAY_S - week * 7 * DAY_S, components: [`c${at % 7}`, 'all'], lines: [10, 10] });
  }
  const facts = factsOfHistory(history);
  expect(facts.length).toBeLessThanOrEqual(7_000);
  const authors = facts.flatMap(({ kind, subject }) => (kind === 'author-commits' ? [subject] : []));
  expect(authors).toEqual(expect.arrayContaining(Array.from({ length: 50 }, (_, at) => `Author ${at} <a${at}@example.org>`)));
});

it('[D75] of authors who all began in one week, one says how far the history reaches', () => {
  const history = new TeamHistoryBuilder(NOW_S);
  for (let at = 0; at < 8_000; at++)
    history.add({ author: `Author ${at} <a${at}@example.org>`, atS: NOW_S - 900 * DAY_S, components: ['all'], lines: [1] });
  expect(factsOfHistory(history).map(({ kind, subject }) => [kind, subject])).toEqual([['author-commits', 'Author 0 <a0@example.org>']]);
});

it('[D76] what a team may be praised for stands beside what it may cost', () => {
  const spread = (minutes: number) => ({ p10: minutes, p50: minutes, p90: minutes });
  const item = (rule: 'incident' | 'measurement-gap' | 'old-todo', minutes: number, state: 'open' | 'accepted' = 'open') =>
    ({ rule, state, component: 'search', owner: 'one', subject: 'a.ts', interest_minutes_per_week: spread(minutes) }) as const;
  const load = { team: 'one', load: 0.5, commitsPerWeek: 4 } as Parameters<typeof guardedMetrics>[0]['load'];
  const items = [item('incident', 10), item('measurement-gap', 5), item('old-todo', 3), item('old-todo', 7, 'accepted')];
  expect(guardedMetrics({ load, items, componentsOfOneAuthor: 2 })).toEqual([
    { metric: 'commits_per_week', value: 4, guard: 'open_incidents', guardValue: 1 },
    { metric: 'open_items', value: 2, guard: 'unmeasured_signals', guardValue: 1 },
    { metric: 'interest_minutes_per_week', value: 18, guard: 'accepted_interest_minutes_per_week', guardValue: 7 },
    { metric: 'load', value: 0.5, guard: 'components_of_one_author', guardValue: 2 },
  ]);
});
