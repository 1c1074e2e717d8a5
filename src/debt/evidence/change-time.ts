import type { Spread } from '../../contract/debt/debt-items.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { quantileOf, spreadOf } from '../spread.ts';
import type { Mechanical } from './mechanical-commits.ts';
import { mergedBranches } from './merged-branches.ts';

/** A commit with its time. */
export interface DatedCommit {
  readonly id: string;
  readonly author: string;
  /** When its author wrote it. */
  readonly atS: number;
  /** What the author's clock is ahead of UTC. */
  readonly zoneMinutes: number;
}

/** A commit as far as the time is concerned that changes take; merges are among them, because they end branches. */
export interface TimedCommit extends DatedCommit {
  readonly parents: readonly string[];
  /** When it came to be as it is, such as by a rebase onto the main line. */
  readonly committedS: number;
  /** Why its time says nothing of a change; null: it counts. */
  readonly leftOut: Mechanical | 'merge' | null;
}

/** What a change takes its author, and what that was read from. */
export interface ChangeTime {
  readonly minutes: Spread;
  readonly commits: number;
  readonly authors: number;
  /** Days on which an author committed, summed over authors. */
  readonly days: number;
  /** Working days without a commit on which an author had a change under way, summed over authors. */
  readonly daysUnderWay: number;
  readonly branches: number;
  /** The median over branches from their first commit to their merge; 0 without branches. */
  readonly branchHours: number;
  readonly leftOut: Readonly<Partial<Record<Mechanical | 'merge', number>>>;
}

/**
 * Where a repository has no history to measure it by: what six public repositories show in the middle (click, fastify, express, fastapi, black and
 * workerd, three years each). Developers at Google make three changes a week at the median (Sadowski et al., Modern Code Review, ICSE-SEIP 2018),
 * which leaves at most 13 hours for each.
 */
export const ASSUMED_MINUTES = spreadOf(40, 130, 400);
/** So many days of authors weigh as much as the assumption. */
const PRIOR_DAYS = 10;

const DAY_S = 86_400;
/** The least that anyone works before the first commit of a day. */
const LEAD_IN_MINUTES = 30;
const WORKING_DAY_MINUTES = 8 * 60;
/** No one works longer than this in a day, whenever the commits are dated. */
const SEEN_MAX_MINUTES = 10 * 60;
/** A change that waits for longer than a week of work is not worked on. */
const DAYS_UNDER_WAY_MAX = 5;

interface AuthorDay<Commit> {
  readonly commits: readonly Commit[];
  /** From half an hour before the first commit to the last one. */
  readonly seenMinutes: number;
  readonly mostMinutes: number;
}

/** The day by its author's clock, since 1970. */
const dayOf = (atS: number, zoneMinutes: number): number => Math.floor((atS + zoneMinutes * 60) / DAY_S);
const keyOf = (author: string, day: number): string => `${day} ${author}`;
/** 1970 began on a Thursday. */
const isWeekend = (day: number): boolean => [0, 6].includes((day + 4) % 7);

function authorDays<Commit extends DatedCommit>(commits: readonly Commit[]): ReadonlyMap<string, AuthorDay<Commit>> {
  const byDay = groupBy(commits, ({ author, atS, zoneMinutes }) => keyOf(author, dayOf(atS, zoneMinutes)));
  return new Map([...byDay].map(([key, own]) => [key, dayOfCommits(own)]));
}

function dayOfCommits<Commit extends DatedCommit>(commits: readonly Commit[]): AuthorDay<Commit> {
  const times = commits.map(({ atS }) => atS);
  const seen = Math.min(SEEN_MAX_MINUTES, LEAD_IN_MINUTES + (Math.max(...times) - Math.min(...times)) / 60);
  return { commits, seenMinutes: seen, mostMinutes: Math.max(WORKING_DAY_MINUTES, seen) };
}

/** Between the least and the most that a quantity may be which is a product of many: their geometric mean. */
const between = (least: number, most: number): number => Math.sqrt(least * most);

/**
 * What a change takes its author (D106). The least is what the commits of a day show: from half an hour before the first to the last. The most is
 * the whole working day, and each working day on which a change was under way: from the first commit of a branch to its merge, or until a commit
 * was rebased. Both are shared by the commits of all those days; the median is their geometric mean. Where a day's commits are shared with another
 * repository, or work is not committed, this is not seen. Few days are drawn to the assumption.
 *
 * `newestFirst`: all commits of the history, those that do not count and merges among them.
 */
export function changeTimeOf(newestFirst: readonly TimedCommit[]): ChangeTime {
  const counted = newestFirst.filter(({ leftOut }) => leftOut === null);
  const days = authorDays(counted);
  const branches = mergedBranches(newestFirst)
    .map(({ merge, commits }) => ({ merge, commits: commits.filter(({ leftOut }) => leftOut === null) }))
    .filter(({ commits }) => commits.length > 0);
  const underWay = new Set<string>();
  for (const { merge, commits } of branches) {
    for (const own of groupBy(commits, ({ author }) => author).values()) addDaysUnderWay(underWay, own, merge.committedS);
  }
  for (const commit of counted) addDaysUnderWay(underWay, [commit], commit.committedS);
  const daysUnderWay = [...underWay].filter((key) => !days.has(key)).length;
  let [least, most] = [0, daysUnderWay * WORKING_DAY_MINUTES];
  for (const { seenMinutes, mostMinutes } of days.values()) {
    least += seenMinutes;
    most += mostMinutes;
  }
  const hours = branches.map(({ merge, commits }) => Math.max(0, merge.committedS - firstOf(commits)) / 3_600).sort((a, b) => a - b);
  return {
    minutes: shrunk(days.size, least / counted.length, most / counted.length),
    commits: counted.length,
    authors: new Set(counted.map(({ author }) => author)).size,
    days: days.size,
    daysUnderWay,
    branches: branches.length,
    branchHours: hours.length === 0 ? 0 : quantileOf(hours, 0.5),
    leftOut: countedReasons(newestFirst),
  };
}

const firstOf = (commits: readonly TimedCommit[]): number => Math.min(...commits.map(({ atS }) => atS));

/** The working days of an author from the first of some commits until these were done. */
function addDaysUnderWay(days: Set<string>, commits: readonly TimedCommit[], untilS: number): void {
  const firstS = firstOf(commits);
  const [{ author, zoneMinutes } = { author: '', zoneMinutes: 0 }] = commits;
  const last = dayOf(untilS, zoneMinutes);
  let left = DAYS_UNDER_WAY_MAX;
  for (let day = dayOf(firstS, zoneMinutes) + 1; day <= last && left > 0; day++) {
    if (isWeekend(day)) continue;
    days.add(keyOf(author, day));
    left -= 1;
  }
}

function shrunk(days: number, least: number, most: number): Spread {
  const weight = days / (days + PRIOR_DAYS);
  const at = (measured: number, assumed: number): number =>
    days === 0 ? assumed : Math.exp(weight * Math.log(measured) + (1 - weight) * Math.log(assumed));
  return spreadOf(at(least, ASSUMED_MINUTES.p10), at(between(least, most), ASSUMED_MINUTES.p50), at(most, ASSUMED_MINUTES.p90));
}

function countedReasons(commits: readonly TimedCommit[]): ChangeTime['leftOut'] {
  const counts: Partial<Record<Mechanical | 'merge', number>> = {};
  for (const { leftOut } of commits) if (leftOut !== null) counts[leftOut] = (counts[leftOut] ?? 0) + 1;
  return counts;
}

/** What each commit took, in minutes: its share of its author's day, in the middle between the least and the most (D106). */
export function minutesOfCommits(commits: readonly DatedCommit[]): ReadonlyMap<string, number> {
  const minutes = new Map<string, number>();
  for (const { commits: own, seenMinutes, mostMinutes } of authorDays(commits).values()) {
    for (const { id } of own) minutes.set(id, between(seenMinutes, mostMinutes) / own.length);
  }
  return minutes;
}
