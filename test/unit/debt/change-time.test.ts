import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { TimedCommit } from '../../../src/debt/evidence/change-time.ts';
import { ASSUMED_MINUTES, changeTimeOf, minutesOfCommits } from '../../../src/debt/evidence/change-time.ts';
import { mechanicalReason } from '../../../src/debt/evidence/mechanical-commits.ts';
import { mergedBranches } from '../../../src/debt/evidence/merged-branches.ts';
import { effort } from '../../support/fixtures/effort.ts';

/** A Monday. */
const MONDAY_S = Date.UTC(2026, 8, 21) / 1000;
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

let made = 0;
/** A commit so many hours after the Monday began. */
const commit = (hours: number, over: Partial<TimedCommit> = {}): TimedCommit => ({
  id: `c${(made += 1)}`,
  parents: [],
  author: 'Ada',
  atS: MONDAY_S + hours * HOUR_S,
  committedS: MONDAY_S + hours * HOUR_S,
  zoneMinutes: 0,
  leftOut: null,
  ...over,
});
/** The same day over and over, each a week later: so many that the assumption hardly counts. */
const repeated = (ofDay: readonly TimedCommit[]): TimedCommit[] =>
  Array.from({ length: 4_000 }, (_, week) =>
    ofDay.map((one) => ({
      ...one,
      id: `${one.id}-${week}`,
      atS: one.atS - week * 7 * DAY_S,
      committedS: one.committedS - week * 7 * DAY_S,
    })),
  ).flat();
const withoutDays = { commits: 0, authors: 0, days: 0, daysUnderWay: 0, branches: 0, branchHours: 0 };

describe('[D105] commits that say nothing of what a change takes', () => {
  const of = (subject: string, paths: readonly string[] = ['src/a.ts'], author = 'Ada <ada@example.org>') =>
    mechanicalReason({ author, atS: 0, subject, files: paths.map((path) => ({ path, lines: 1 })) });

  it.each([
    ['Bump lodash from 1.2.3 to 1.2.4', 'dependencies'],
    ['chore(deps-dev): update eslint', 'dependencies'],
    ['fix(deps): qs@^6.14.0 (#6374)', 'dependencies'],
    ['[pre-commit.ci] pre-commit autoupdate', 'dependencies'],
    ['Release version 8.4.2', 'release'],
    ['🔖 Release version 0.110.1', 'release'],
    ['Bumped v5.8.5', 'release'],
    ['4.19.2', 'release'],
    ['v1.0.0rc1', 'release'],
    ['Prepare release 26.5.1 (#5140)', 'release'],
    ['chore(release): 2.0.0', 'release'],
    ['style: remove trailing whitespace', 'format'],
    ['Reformat with black', 'format'],
    ['run prettier over docs', 'format'],
  ])('%s', (subject, reason) => expect(of(subject)).toBe(reason));

  it.each([
    'Fix formatting of numbers in tables',
    'format strings may nest',
    'Add release of locks after a timeout',
    'bump the size of the pool when it is full',
    'fix: 1.2.3 is no valid range',
    'Update docs setup with latest configs',
  ])('but not: %s', (subject) => expect(of(subject)).toBeUndefined());

  it('by what they change, who made them, and how much they change', () => {
    expect(of('say what is new', ['CHANGES.md', 'docs/release-notes.md'])).toBe('release');
    expect(of('say what is new', ['CHANGES.md', 'src/a.ts'])).toBeUndefined();
    expect(of('publish from the tag', ['.github/workflows/release.yml'])).toBeUndefined();
    expect(of('new copy', ['vendor/zlib/inflate.c', 'package-lock.json'])).toBe('generated');
    expect(of('anything', ['a.ts'], 'dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>')).toBe('bot');
    expect(of('anything', ['a.ts'], 'github-actions <github-actions@github.com>')).toBe('bot');
    expect(of('anything', ['a.ts'], 'Abbot Botham <abbot@example.org>')).toBeUndefined();
    expect(
      of(
        'licence headers',
        Array.from({ length: 201 }, (_, i) => `f${i}.ts`),
      ),
    ).toBe('bulk');
  });
});

describe('[D106] merged branches', () => {
  it('bring what no earlier merge brought, by first parents', () => {
    const graph = [
      ['m2', 'm1', 'b3'],
      ['b3', 'b2'],
      ['b2', 'a'],
      ['m1', 'a', 'x'],
      ['x', 'a', 'y'],
      ['y', 'a'],
      ['a', 'before the history'],
    ].map(([id = '', ...parents]) => ({ id, parents }));
    const found = mergedBranches(graph).map(({ merge, commits }) => [merge.id, ...commits.map(({ id }) => id).sort()]);
    expect(found).toEqual([
      ['m1', 'x', 'y'],
      ['m2', 'b2', 'b3'],
    ]);
    expect(mergedBranches([])).toEqual([]);
  });
});

describe('[D106] what a change takes', () => {
  it('is the assumption without a history, and hardly that with many days', () => {
    expect(changeTimeOf([])).toEqual({ minutes: ASSUMED_MINUTES, ...withoutDays, leftOut: {} });
    const bots = [commit(9, { leftOut: 'bot' }), commit(10, { leftOut: 'release' })];
    expect(changeTimeOf(bots)).toEqual({ minutes: ASSUMED_MINUTES, ...withoutDays, leftOut: { bot: 1, release: 1 } });
  });

  it('lies between what the commits of a day show and the whole day, shared by them', () => {
    const { minutes, days } = changeTimeOf(repeated([commit(9), commit(10), commit(13)]));
    expect(days).toBe(4_000);
    expect(minutes.p10).toBeCloseTo((30 + 240) / 3, 0);
    expect(minutes.p90).toBeCloseTo(480 / 3, 0);
    expect(minutes.p50).toBeCloseTo(Math.sqrt(270 * 480) / 3, 0);
  });

  it('of commits some minutes apart is not these minutes', () => {
    const { minutes } = changeTimeOf(repeated([commit(9), commit(9.05), commit(9.1)]));
    expect(minutes.p50).toBeGreaterThan(40);
  });

  it('is that of the day by the clock of its author', () => {
    // Three and five in the afternoon of one Monday in California.
    const afternoon = [commit(23, { zoneMinutes: -480 }), commit(25, { zoneMinutes: -480 })];
    expect(changeTimeOf(afternoon).days).toBe(1);
    expect(changeTimeOf(afternoon.map((one) => ({ ...one, zoneMinutes: 0 }))).days).toBe(2);
  });

  it('has no commit that does not count, nor its time', () => {
    const day = [commit(9), commit(10)];
    const noise = [commit(8, { leftOut: 'bot' }), commit(17, { leftOut: 'release' }), commit(18, { leftOut: 'merge' })];
    const [without, withNoise] = [changeTimeOf(repeated(day)), changeTimeOf(repeated([...day, ...noise]))];
    expect(withNoise.minutes).toEqual(without.minutes);
    expect(withNoise.leftOut).toEqual({ bot: 4_000, release: 4_000, merge: 4_000 });
  });

  it('may be each working day from the first commit of a branch to its merge, five at most', () => {
    const until = (hours: number) => {
      const [base, work] = [commit(1), commit(9)];
      const merge = commit(hours, { parents: [base.id, work.id], leftOut: 'merge' });
      return changeTimeOf([merge, { ...work, parents: [base.id] }, base]);
    };
    expect(until(10)).toMatchObject({ daysUnderWay: 0, branches: 1, branchHours: 1 });
    // Wednesday: two working days more than the one with the commit.
    expect(until(9 + 48)).toMatchObject({ daysUnderWay: 2, branchHours: 48 });
    // Saturday and Sunday are none, and in the third week no one works on it.
    expect(until(9 + 6 * 24).daysUnderWay).toBe(4);
    expect(until(9 + 7 * 24).daysUnderWay).toBe(5);
    expect(until(9 + 21 * 24).daysUnderWay).toBe(5);
    expect(until(9 + 48).minutes.p90).toBeGreaterThan(until(10).minutes.p90);
    expect(until(9 + 48).minutes.p10).toBe(until(10).minutes.p10);
  });

  it('counts a day once on which an author has several changes under way, or commits', () => {
    const base = commit(1);
    const [first, second] = [commit(9, { parents: [base.id] }), commit(9 + 48)];
    const until = commit(9 + 72, { parents: [base.id, second.id], leftOut: 'merge' });
    expect(changeTimeOf([until, { ...second, parents: [first.id] }, first, base])).toMatchObject({ days: 2, daysUnderWay: 2 });
    const branches = Array.from({ length: 3 }, () => commit(9, { parents: [base.id] }));
    const merges: TimedCommit[] = [];
    for (const work of branches) {
      merges.unshift(commit(9 + 48, { parents: [merges[0]?.id ?? base.id, work.id], leftOut: 'merge' }));
    }
    expect(changeTimeOf([...merges, ...branches, base])).toMatchObject({ branches: 3, days: 1, daysUnderWay: 2 });
  });

  it('reaches until a commit was rebased onto the main line', () => {
    expect(changeTimeOf([commit(9, { committedS: MONDAY_S + 2 * DAY_S + 9 * HOUR_S })]).daysUnderWay).toBe(2);
    expect(changeTimeOf([commit(9, { committedS: MONDAY_S - DAY_S })]).daysUnderWay).toBe(0);
  });

  it('has its percentiles in order, and shares a day among its commits, whatever the history', () => {
    const one = fc.record({
      hours: fc.double({ min: 0, max: 24 * 60, noNaN: true }),
      waits: fc.double({ min: -24, max: 24 * 30, noNaN: true }),
      author: fc.constantFrom('Ada', 'Bo'),
      zoneMinutes: fc.integer({ min: -720, max: 840 }),
      isMerge: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40 }), (of) => {
        const commits = of.map(({ hours, waits, author, zoneMinutes, isMerge }, i): TimedCommit => {
          const parents = [`${i + 1}`, ...(isMerge ? [`${i + 2}`] : [])];
          const committedS = MONDAY_S + (hours + waits) * HOUR_S;
          return commit(hours, { id: `${i}`, parents, author, zoneMinutes, committedS, leftOut: isMerge ? 'merge' : null });
        });
        const { minutes, days, commits: counted } = changeTimeOf(commits);
        expect(minutes.p10 > 0 && minutes.p10 <= minutes.p50 && minutes.p50 <= minutes.p90).toBe(true);
        const dated = commits.filter(({ leftOut }) => leftOut === null);
        const shared = [...minutesOfCommits(dated).values()];
        expect(shared).toHaveLength(counted);
        const sum = shared.reduce((all, each) => all + each, 0);
        expect(sum).toBeLessThanOrEqual(days * 600 + 1e-6);
        expect(sum).toBeGreaterThanOrEqual(days * Math.sqrt(30 * 480) - 1e-6);
      }),
      { numRuns: effort(200), seed: 11 },
    );
  });
});
