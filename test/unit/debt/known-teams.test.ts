import { describe, expect, it } from 'vitest';

import type { DebtTeam } from '../../../src/contract/debt/debt-plan.ts';
import { TeamHistoryBuilder } from '../../../src/debt/teams/team-history.ts';
import { changesOfOthers, loadOf } from '../../../src/debt/teams/team-load.ts';
import { splitOf } from '../../../src/debt/teams/team-split.ts';
import knownDivisions from '../../support/fixtures/known-divisions.json' with { type: 'json' };
import knownTeams from '../../support/fixtures/known-teams.json' with { type: 'json' };

// Histories of public repositories, of which it is known what came of them: commits by week of those who made four fifths of a year's commits.

const WEEK_S = 7 * 86_400;
/** What those who work on it beside their job may have, each. */
const MINUTES_OF_A_MEMBER = 400;

const atS = (date: string): number => Date.parse(date) / 1000;
const counts = (text: string): number[] => text.split(' ').map(Number);

function loadThen(
  { date, made, reviewed, members, change_minutes, ramp_up_weeks }: (typeof knownTeams)[number],
  changeMinutes = change_minutes,
) {
  const nowS = atS(date);
  const history = new TeamHistoryBuilder(nowS);
  counts(made).forEach((commits, i) => {
    for (let n = 0; n < commits; n++) history.add({ author: 'core', atS: nowS - (25 - i) * WEEK_S - 1, components: ['all'], lines: [1] });
  });
  const team: DebtTeam = { name: 'core', capacity_minutes_per_week: members * MINUTES_OF_A_MEMBER, members: ['core'], on_call: [] };
  const basis = { history, changeMinutes, rampUpWeeks: ramp_up_weeks, hiringWeeks: 12 };
  return loadOf(team, { interest: 0, reviewed: counts(reviewed) }, basis);
}

describe('[D109] teams of which it is known what came of them', () => {
  it.each(knownTeams.filter(({ outcome }) => outcome !== 'held'))('$repository on $date was to hire, and $outcome', (known) => {
    const { hireByS, load } = loadThen(known);
    // By then, or within the half year before the team was another.
    expect(hireByS).not.toBeNull();
    expect(hireByS).toBeLessThan(atS(known.date) + 26 * WEEK_S);
    expect(load).toBeGreaterThan(0.5);
    if (known.outcome === 'stalled') expect(known.commits_of_next_year).toBeLessThanOrEqual(known.commits_of_year / 2);
    else expect(known.members_year_later).toBeGreaterThan(known.members);
  });

  it.each(knownTeams.filter(({ outcome }) => outcome === 'held'))('$repository on $date was not to hire, and held', (known) => {
    const { hireByS, saturatedAtS, load } = loadThen(known);
    expect({ hireByS, saturatedAtS }).toEqual({ hireByS: null, saturatedAtS: null });
    expect(load).toBeLessThan(0.6);
    expect(known.commits_of_next_year).toBeGreaterThan(known.commits_of_year / 2);
  });

  it('are busy for hours a week, each member; by the time between two commits of a session they were for minutes', () => {
    for (const known of knownTeams) {
      const { changes, reviews } = loadThen(known);
      const hours = (changes + reviews) / known.members / 60;
      expect(hours, `${known.repository} ${known.date}`).toBeGreaterThan(0.9);
      expect(hours, `${known.repository} ${known.date}`).toBeLessThan(25);
      // None of them would ever have been called full.
      if (known.outcome === 'stalled') expect(loadThen(known, 4).load).toBeLessThan(0.85);
    }
  });
});

describe('[D110] divisions of which it is known whether they were made', () => {
  it.each(knownDivisions)('$repository: $known', ({ components, together, is_clean, apart }) => {
    const weights = new Map<string, Map<string, number>>(components.map(({ name }) => [name, new Map()]));
    for (const [one = '', other = '', weight] of together as [string, string, number][]) {
      weights.get(one)?.set(other, weight);
      weights.get(other)?.set(one, weight);
    }
    const loads = new Map(components.map(({ name, commits }) => [name, commits]));
    const split = splitOf([...loads.keys()], (name) => loads.get(name) ?? 0, weights);
    expect(split?.isClean).toBe(is_clean);
    if (apart !== null) expect(split?.parts).toContainEqual(apart);
  });
});

describe('[D108] reviews', () => {
  const nowS = 1_800_000_000;
  const team: DebtTeam = { name: 'one', capacity_minutes_per_week: 1_000, members: ['ann'], on_call: [] };
  const history = new TeamHistoryBuilder(nowS);
  const add = (author: string, weeksAgo: number, ...components: string[]): void =>
    history.add({ author, atS: nowS - weeksAgo * WEEK_S - 1, components, lines: components.map(() => 1) });
  for (let week = 0; week < 26; week++) {
    add('ann', week, 'search');
    add('guest', week, 'search');
    add('other', week, week % 2 === 0 ? 'search' : 'text');
  }
  const basis = { history, changeMinutes: 100, rampUpWeeks: 8, hiringWeeks: 12 };

  it('are those of what others changed in the components of a team, by their share of it', () => {
    const reviewed = changesOfOthers(team, new Set(['search']), history);
    expect(reviewed).toHaveLength(26);
    // The guest's change and half of the other's, each week.
    for (const changes of reviewed) expect(changes).toBeCloseTo(1.5, 9);
    expect(changesOfOthers(team, new Set(['pages']), history)).toEqual(Array<number>(26).fill(0));
    expect(loadOf(team, { interest: 0, reviewed }, basis).reviews).toBeCloseTo(1.5 * 30, 9);
  });

  it('are what the policy states, where it does', () => {
    const reviewed = changesOfOthers(team, new Set(['search']), history);
    const stated = loadOf({ ...team, review_minutes_per_week: 7 }, { interest: 0, reviewed }, basis);
    expect([stated.reviews, stated.growthPerWeek]).toEqual([7, 0]);
  });

  it('that become more make the load grow', () => {
    const reviewed = Array.from({ length: 26 }, (_, week) => week);
    expect(loadOf(team, { interest: 0, reviewed }, basis).growthPerWeek).toBeCloseTo(30 / 1_000, 9);
  });
});
