import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { FactKind } from '../../../src/contract/debt/debt-facts.ts';
import { FACT_KINDS } from '../../../src/contract/debt/debt-facts.ts';
import type { DebtTeam } from '../../../src/contract/debt/debt-plan.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { ownershipOf } from '../../../src/debt/teams/ownership.ts';
import { mentoringPairs, platformCandidates } from '../../../src/debt/teams/shared-work.ts';
import { TeamHistoryBuilder, WEEK_S } from '../../../src/debt/teams/team-history.ts';
import { loadOf as loadOfTeam, rampUpWeeksOf } from '../../../src/debt/teams/team-load.ts';
import { teamReport } from '../../../src/debt/teams/team-report.ts';
import { splitOf } from '../../../src/debt/teams/team-split.ts';
import { factOf } from '../../support/debt/signed-upload.ts';

const NOW_S = 1_800_000_000;
const DAY_S = 86_400;

const team = (name: string, members: string[], change: Partial<DebtTeam> = {}): DebtTeam => ({
  name,
  capacity_minutes_per_week: 1_000,
  members,
  on_call: [],
  ...change,
});

type Commit = readonly [author: string, days: number, changes: Readonly<Record<string, number>>];

function historyOf(commits: readonly Commit[]): TeamHistoryBuilder {
  const history = new TeamHistoryBuilder(NOW_S);
  for (const [author, days, changes] of commits) {
    history.add({ author, atS: NOW_S - days * DAY_S, components: Object.keys(changes), lines: Object.values(changes) });
  }
  return history;
}

const SEARCH = { name: 'search', tier: 1, owner: 'one' } as const;

describe('ownership', () => {
  const teams = [team('one', ['ann', 'bea'], { on_call: ['ann'] }), team('two', ['cem'])];
  const owned = (commits: readonly Commit[], owner: string | null = 'one') =>
    ownershipOf([{ ...SEARCH, owner }], teams, historyOf(commits))[0]!;

  it('[D60] is effective for 180 days after a change by a member, and by no other', () => {
    expect(owned([['ann', 179, { search: 1 }]]).effectiveOwner).toBe('one');
    expect(owned([['ann', 181, { search: 1 }]]).effectiveOwner).toBeNull();
    expect(
      owned([
        ['cem', 1, { search: 1 }],
        ['ann', 1, { other: 1 }],
      ]).effectiveOwner,
    ).toBeNull();
    expect(owned([['dan', 1, { search: 1 }]], 'dan').effectiveOwner).toBe('dan');
    expect(owned([['ann', 1, { search: 1 }]], null).effectiveOwner).toBeNull();
  });

  it('[D61] counts the fewest authors that more than half of the knowledge goes with', () => {
    expect(owned([]).busFactor).toBe(0);
    expect(
      owned([
        ['ann', 1, { search: 51 }],
        ['bea', 1, { search: 49 }],
      ]).busFactor,
    ).toBe(1);
    expect(
      owned([
        ['ann', 1, { search: 40 }],
        ['bea', 1, { search: 30 }],
        ['cem', 1, { search: 30 }],
      ]).busFactor,
    ).toBe(2);
    expect(
      owned([
        ['ann', 1, { search: 50 }],
        ['bea', 1, { search: 50 }],
      ]).busFactor,
    ).toBe(2);
    // What was written long ago is known less.
    expect(
      owned([
        ['ann', 800, { search: 60 }],
        ['bea', 1, { search: 40 }],
      ]).authors[0]?.author,
    ).toBe('bea');
  });

  it('[D62] names the team that does most of at least ten recent commits', () => {
    const commits = (author: string, count: number): Commit[] => Array.from({ length: count }, () => [author, 10, { search: 5 }]);
    expect(owned([...commits('cem', 6), ...commits('ann', 4)]).moveTo).toEqual({ team: 'two', share: 0.6, commits: 10 });
    expect(owned([...commits('cem', 5), ...commits('ann', 4)]).moveTo).toBeNull();
    expect(owned([...commits('cem', 5), ...commits('ann', 5)]).moveTo).toBeNull();
    expect(owned([...commits('ann', 10)]).moveTo).toBeNull();
    expect(owned([...commits('cem', 6), ...commits('nobody', 6)]).moveTo).toBeNull();
  });

  it('[D64] says whether someone of the team is on call', () => {
    expect(owned([]).isCovered).toBe(true);
    expect(owned([], 'two').isCovered).toBe(false);
  });
});

describe('the division of a team', () => {
  const even = (): number => 1;

  it('[D63] cuts where the fewest changes cross', () => {
    const history = historyOf([
      ...Array.from({ length: 8 }, (): Commit => ['ann', 1, { a: 1, b: 1 }]),
      ...Array.from({ length: 8 }, (): Commit => ['ann', 1, { c: 1, d: 1 }]),
      ['ann', 1, { b: 1, c: 1 }],
    ]);
    const split = splitOf(['d', 'a', 'c', 'b'], even, history.together)!;
    expect(split.parts).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(split.cutShare).toBeCloseTo(1 / 17, 10);
    expect(split).toMatchObject({ balance: 0.5, isClean: true });
    expect(splitOf(['a', 'b'], even, history.together)).toMatchObject({ cutShare: 1, isClean: false });
  });

  it('[D63] leaves at least 30 % of the load on each side, or divides nothing', () => {
    const loads: Record<string, number> = { a: 80, b: 10, c: 10 };
    expect(splitOf(['a', 'b', 'c'], (one) => loads[one]!, new Map())).toBeUndefined();
    expect(splitOf(['a'], even, new Map())).toBeUndefined();
  });

  it('[D63] of many components finds the two groups that a history has', () => {
    const names = Array.from({ length: 24 }, (_, i) => `c${String(i).padStart(2, '0')}`);
    const rng = new Seeded(5);
    const commits = Array.from({ length: 600 }, (_, i): Commit => {
      const half = i % 2 === 0 ? names.slice(0, 12) : names.slice(12);
      const pick = (): string => half[Math.floor(rng.next() * half.length)]!;
      const far = names[Math.floor(rng.next() * names.length)]!;
      return ['ann', 1, { [pick()]: 1, [pick()]: 1, ...(i % 20 === 0 && { [far]: 1 }) }];
    });
    const split = splitOf(names, even, historyOf(commits).together)!;
    expect(split.parts.map((part) => [...part].sort())).toEqual([names.slice(0, 12), names.slice(12)]);
    expect(split.isClean).toBe(true);
  });

  it('[D63] of hundreds of components finds the two groups in time, and divides no thousands', () => {
    const names = Array.from({ length: 400 }, (_, i) => `c${String(i).padStart(3, '0')}`);
    const isFirst = (name: string): boolean => name < 'c200';
    const weights = new Map(names.map((one) => [one, new Map(names.map((other) => [other, isFirst(one) === isFirst(other) ? 4 : 0.01]))]));
    expect(splitOf(names, even, weights)?.parts).toEqual([names.slice(0, 200), names.slice(200)]);
    expect(splitOf([...names, ...names.map((name) => `${name}+`)], even, new Map())).toBeUndefined();
  });

  it('[D63] of more than 14 components no single move crosses fewer changes and leaves the balance', () => {
    const names = Array.from({ length: 18 }, (_, i) => `c${String(i).padStart(2, '0')}`);
    const weight = fc.tuple(fc.nat(17), fc.nat(17), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(fc.array(weight, { minLength: 30, maxLength: 90 }), (pairs) => {
        const together = new Map(names.map((name) => [name, new Map<string, number>()]));
        for (const [one, other, value] of pairs) {
          if (one === other) continue;
          together.get(names[one]!)!.set(names[other]!, value);
          together.get(names[other]!)!.set(names[one]!, value);
        }
        const part = new Set(splitOf(names, even, together)?.parts[0]);
        const better = names.filter((name) => {
          const moved = new Set(part.has(name) ? [...part].filter((one) => one !== name) : [...part, name]);
          const isBalanced = Math.min(moved.size, names.length - moved.size) / names.length >= 0.3;
          return isBalanced && crossing(moved, together) < crossing(part, together);
        });
        expect(better).toEqual([]);
      }),
      { numRuns: 40, seed: 63 },
    );
  });

  const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

  /** Changes across the best division with 30 % of the load on each side, by trying all; infinite if there is none. */
  function leastCut(loads: readonly number[], together: ReadonlyMap<string, ReadonlyMap<string, number>>): number {
    const whole = loads.reduce((sum, load) => sum + load, 0);
    const divisions = Array.from({ length: 2 ** NAMES.length }, (_, bits) => NAMES.map((__, i) => ((bits >> i) & 1) === 1));
    const balanced = divisions.filter((side) => {
      const load = loads.reduce((sum, one, i) => sum + (side[i]! ? one : 0), 0);
      return Math.min(load, whole - load) / whole >= 0.3;
    });
    return Math.min(...balanced.map((side) => crossing(new Set(NAMES.filter((_, i) => side[i])), together)));
  }

  function crossing(part: ReadonlySet<string>, together: ReadonlyMap<string, ReadonlyMap<string, number>>): number {
    let cut = 0;
    for (const one of part) for (const [other, weight] of together.get(one) ?? []) if (!part.has(other)) cut += weight;
    return cut;
  }

  it('[D63] up to 14 components no balanced division crosses fewer changes', () => {
    const pair = fc.tuple(fc.nat(6), fc.nat(6), fc.integer({ min: 1, max: 9 }));
    const load = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 20 }), fc.array(load, { minLength: 7, maxLength: 7 }), (pairs, loads) => {
        const changes = pairs.flatMap(([one, other, times]) =>
          Array.from({ length: one === other ? 0 : times }, (): Commit => ['ann', 0, { [NAMES[one]!]: 1, [NAMES[other]!]: 1 }]),
        );
        const { together } = historyOf(changes);
        const split = splitOf(NAMES, (one) => loads[NAMES.indexOf(one)]!, together);
        const least = leastCut(loads, together);
        if (split === undefined) return expect(least).toBe(Infinity);
        expect(crossing(new Set(split.parts[0]), together)).toBeCloseTo(least, 9);
        expect(split.cutShare).toBeCloseTo(changes.length === 0 ? 0 : least / changes.length, 9);
      }),
    );
  });
});

it('[D63] divides by the load of a week: changes at their measured time, and interest', () => {
  const fact = (kind: FactKind, subject: string, value: number | string, symbol?: string) =>
    factOf({ kind, subject, value, unit: FACT_KINDS[kind].unit, ...(symbol === undefined ? {} : { symbol }) }, NOW_S);
  const facts = [
    fact('census', '.', 2, 'ownership'),
    fact('census', '.', 2, 'hotspots'),
    { ...fact('change-time', '.', 10), detail: { days: 40 } },
    fact('owner', 'a', '@ann'),
    fact('owner', 'b', '@ann'),
  ];
  const history = historyOf(Array.from({ length: 26 }, (_, week): Commit => ['ann', week * 7, { a: 1 }]));
  const interest = { p10: 20, p50: 20, p90: 20 };
  const items = [{ rule: 'old-todo', component: 'b', owner: '@ann', subject: 'b/x.ts', interest_minutes_per_week: interest }] as const;
  const { teams } = teamReport({ facts: new FactSet(facts, NOW_S), policy: debtPolicy.parse({}), history, items });
  // One commit of ten minutes beside twenty minutes of interest.
  expect(teams.map(({ team: { name }, split }) => [name, split?.parts, split?.balance])).toEqual([['@ann', [['a'], ['b']], 1 / 3]]);
});

const NO_ONES = Array<number>(26).fill(0);

describe('the load of a team', () => {
  /** Commits a week that rise from `first` by `step`, over 26 weeks. */
  const rising = (first: number, step: number, weeks = 26): TeamHistoryBuilder =>
    historyOf(
      Array.from({ length: weeks }, (_, i) =>
        Array.from({ length: first + i * step }, (): Commit => ['ann', (weeks - 1 - i) * 7 + 1, { search: 1 }]),
      ).flat(),
    );
  const loadOf = (history: TeamHistoryBuilder, rampUpWeeks: number | null = 8, change: Partial<DebtTeam> = {}) =>
    loadOfTeam(
      team('one', ['ann'], change),
      { interest: 50, reviewed: NO_ONES },
      { history, changeMinutes: 10, rampUpWeeks, hiringWeeks: 12 },
    );

  it('[D64] is the time of changes, interest, reviews and pages over the capacity', () => {
    const load = loadOf(rising(10, 0), null, { review_minutes_per_week: 100, pages_per_week: 2 });
    expect(load).toMatchObject({
      changes: 100,
      interest: 50,
      reviews: 100,
      pages: 90,
      growthPerWeek: 0,
      saturatedAtS: null,
      hireByS: null,
    });
    expect(load.load).toBeCloseTo(0.34, 10);
  });

  it('[D65] is saturated when it reaches 85 %, and hiring begins so much earlier as it takes', () => {
    const load = loadOf(rising(10, 2));
    expect(load.growthPerWeek).toBeCloseTo(0.02, 10);
    const weeks = (load.saturatedAtS! - NOW_S) / WEEK_S;
    expect(weeks).toBeCloseTo((0.85 - load.load) / 0.02, 6);
    expect(load.hireByS).toBeCloseTo(load.saturatedAtS! - (12 + 8) * WEEK_S, 3);
    // Where no one was seen to arrive, arriving takes a quarter.
    expect(loadOf(rising(10, 2), null).hireByS).toBeCloseTo(load.saturatedAtS! - (12 + 13) * WEEK_S, 3);
    expect(loadOf(rising(200, 0)).saturatedAtS).toBe(NOW_S);
    // By such growth it would be in 57 weeks: half a year says nothing of them.
    expect(loadOf(rising(10, 1))).toMatchObject({ saturatedAtS: null, hireByS: null });
  });

  it('[D64] has no growth from less than a quarter of history, and is not moved by one odd week', () => {
    expect(loadOf(rising(10, 1, 12)).growthPerWeek).toBeNull();
    const history = rising(10, 0);
    for (let i = 0; i < 300; i++) history.add({ author: 'ann', atS: NOW_S - DAY_S, components: ['search'], lines: [1] });
    expect(loadOf(history).growthPerWeek).toBe(0);
  });
});

describe('how long arriving takes', () => {
  const steady = (author: string, from: number, to: number, perWeek: number): Commit[] =>
    Array.from({ length: (from - to) * perWeek }, (_, i) => [author, (from - Math.floor(i / perWeek)) * 7 - 1, { search: 1 }]);
  /** One commit a week for so many weeks, then four a week. */
  const newcomer = (author: string, from: number, slow: number): Commit[] => [
    ...steady(author, from, from - slow, 1),
    ...steady(author, from - slow, 0, 4),
  ];

  it('[D66] is the median over those who arrived and stayed', () => {
    const founders = [...steady('ann', 100, 0, 4), ...steady('bea', 100, 0, 4)];
    const history = historyOf([
      ...founders,
      ...newcomer('cem', 60, 4),
      ...newcomer('dan', 50, 8),
      ...newcomer('eve', 40, 12),
      ['guest', 70, { search: 1 }],
    ]);
    // The three reach 75 % of 16 commits in four weeks once three of these are fast.
    expect(rampUpWeeksOf(history)).toBe(11);
  });

  it('[D66] is not known from fewer than three', () => {
    const history = historyOf([...steady('ann', 100, 0, 4), ...newcomer('cem', 60, 4), ...newcomer('dan', 50, 8)]);
    expect(rampUpWeeksOf(history)).toBeNull();
    expect(rampUpWeeksOf(historyOf([]))).toBeNull();
  });
});

describe('shared work', () => {
  it('[D67] is a candidate for a platform with three owners, not with two', () => {
    const clone = (subject: string, symbol: string, value: number) => ({ subject, symbol, value });
    const ownerOf = (file: string): string | null => (file.startsWith('x') ? null : file[0]!);
    const found = platformCandidates(
      [
        clone('a/1', 'p', 10),
        clone('b/1', 'p', 10),
        clone('c/1', 'p', 10),
        clone('a/2', 'q', 90),
        clone('b/2', 'q', 90),
        clone('x/2', 'q', 90),
      ],
      ownerOf,
    );
    expect(found).toEqual([{ code: 'p', lines: 30, owners: ['a', 'b', 'c'], files: ['a/1', 'b/1', 'c/1'] }]);
  });

  it('[D68] pairs the one who knows a component with the nearest member of its team', () => {
    const teams = [team('one', ['ann', 'bea', 'cem']), team('two', ['dan'])];
    const history = historyOf([
      ['ann', 1, { search: 90 }],
      ['ann', 1, { search: 1, text: 1 }],
      ['cem', 1, { text: 50 }],
      ['dan', 1, { search: 9 }],
    ]);
    const owned = ownershipOf([SEARCH, { ...SEARCH, name: 'text', tier: 3 }], teams, history);
    expect(mentoringPairs(owned, teams, history)).toMatchObject([{ component: 'search', mentor: 'ann', mentee: 'cem', knows: 0 }]);
    expect(mentoringPairs(owned, [team('one', ['ann'])], history)).toEqual([]);
  });
});
