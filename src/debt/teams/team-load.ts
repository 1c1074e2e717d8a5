import type { DebtTeam } from '../../contract/debt/debt-plan.ts';
import { sumOf } from '../evidence/number-table.ts';
import { quantileOf } from '../spread.ts';
import type { TeamHistory } from './team-history.ts';
import { RECENT_WEEKS, WEEK_S } from './team-history.ts';

/** A team is saturated before its last minute: above this load, queues of work grow faster than they shrink. */
const SATURATED_SHARE = 0.85;
/** An author has arrived when four weeks of commits reach this share of what the median author commits. */
const RAMPED_SHARE = 0.75;
const RAMP_WINDOW_WEEKS = 4;
/** Fewer authors who arrived within the history say nothing of how long that takes. */
const RAMPED_AUTHORS_MIN = 3;
const STAYED_COMMITS_MIN = 8;
const QUARTER_WEEKS = 13;
/** What a page takes with its interruption: an assumption. */
const PAGE_MINUTES = 45;

export interface TeamLoad {
  readonly team: string;
  readonly capacityMinutesPerWeek: number;
  /** Commits of its members, as a mean over the last 26 weeks. */
  readonly commitsPerWeek: number;
  /** Where the time goes, in minutes a week. */
  readonly changes: number;
  readonly interest: number;
  readonly reviews: number;
  readonly pages: number;
  /** Their sum over the capacity. */
  readonly load: number;
  /** By how much the load grows a week; null: the history is too short. */
  readonly growthPerWeek: number | null;
  /** When the load reaches 85 %, in seconds; null: not within what the growth shows. */
  readonly saturatedAtS: number | null;
  /** When hiring has to begin, so that a new member has arrived by then; null: never, or what arriving takes is not known. */
  readonly hireByS: number | null;
  readonly isOnCallCovered: boolean;
}

interface LoadBasis {
  readonly history: TeamHistory;
  /** Minutes that a commit takes. */
  readonly changeMinutes: number;
  readonly rampUpWeeks: number | null;
  /** From deciding to hire until the new member's first day. */
  readonly hiringWeeks: number;
}

/** What a team has to do, and when it will be too much; `interest`: of its open items, in minutes a week (D64, D65). */
export function loadOf(team: DebtTeam, interest: number, { history, changeMinutes, rampUpWeeks, hiringWeeks }: LoadBasis): TeamLoad {
  const weeks = weeklyCommits(team.members, history);
  const capacity = team.capacity_minutes_per_week;
  const commitsPerWeek = sumOf(weeks) / weeks.length;
  const changes = commitsPerWeek * changeMinutes;
  const reviews = team.review_minutes_per_week ?? 0;
  const pages = (team.pages_per_week ?? 0) * PAGE_MINUTES;
  const load = (changes + interest + reviews + pages) / capacity;
  const slope = slopeOf(weeks);
  const growth = slope === null ? null : (slope * changeMinutes) / capacity;
  const saturatedAtS = saturation(load, growth, history.nowS);
  const hireByS = saturatedAtS === null || rampUpWeeks === null ? null : saturatedAtS - (hiringWeeks + rampUpWeeks) * WEEK_S;
  return {
    team: team.name,
    capacityMinutesPerWeek: capacity,
    commitsPerWeek,
    changes,
    interest,
    reviews,
    pages,
    load,
    growthPerWeek: growth,
    saturatedAtS,
    hireByS,
    isOnCallCovered: team.on_call.length > 0,
  };
}

/** Commits of the members in each recent week, the oldest first. */
function weeklyCommits(members: readonly string[], { weekly }: TeamHistory): number[] {
  return Array.from({ length: RECENT_WEEKS }, (_, i) => {
    const week = RECENT_WEEKS - 1 - i;
    return members.reduce((sum, member) => sum + (weekly.get(member)?.get(week) ?? 0), 0);
  });
}

/** The median of the slopes between any two weeks (Theil 1950, Sen 1968), which single odd weeks do not move; null with under a quarter of work. */
function slopeOf(weeks: readonly number[]): number | null {
  const first = weeks.findIndex((commits) => commits > 0);
  const known = first === -1 ? [] : weeks.slice(first);
  if (known.length < QUARTER_WEEKS) return null;
  const slopes: number[] = [];
  for (const [i, before] of known.entries()) {
    for (let j = i + 1; j < known.length; j++) slopes.push(((known[j] ?? 0) - before) / (j - i));
  }
  return median(slopes);
}

function saturation(load: number, growth: number | null, nowS: number): number | null {
  if (load >= SATURATED_SHARE) return nowS;
  return growth === null || growth <= 0 ? null : nowS + ((SATURATED_SHARE - load) / growth) * WEEK_S;
}

/**
 * Weeks from an author's first commit until four weeks of commits reach 75 % of what the median author makes in four weeks: the median over
 * those who arrived within the history; null when fewer than three did (D66). Authors of a few commits do not count: they did not stay.
 */
export function rampUpWeeksOf({ weekly }: TeamHistory): number | null {
  const authors = [...weekly.values()].map((commits) => ({
    commits,
    first: Math.max(...commits.keys()),
    count: sumOf(commits.values()),
  }));
  const stayed = authors.filter(({ count }) => count >= STAYED_COMMITS_MIN);
  const begin = Math.max(0, ...authors.map(({ first }) => first));
  const usual = median(stayed.map(({ count, first }) => (count / (first + 1)) * RAMP_WINDOW_WEEKS));
  // Those of the history's first quarter may have been there before.
  const arrivals = stayed.filter(({ first }) => first <= begin - QUARTER_WEEKS).flatMap((author) => rampOf(author, usual * RAMPED_SHARE));
  return arrivals.length < RAMPED_AUTHORS_MIN ? null : median(arrivals);
}

/** Weeks from the first commit to the end of the first four weeks with so many commits; none if there were no such weeks. */
function rampOf({ commits, first }: { readonly commits: ReadonlyMap<number, number>; readonly first: number }, least: number): number[] {
  for (let week = first; week >= RAMP_WINDOW_WEEKS - 1; week--) {
    let count = 0;
    for (let within = 0; within < RAMP_WINDOW_WEEKS; within++) count += commits.get(week - within) ?? 0;
    if (count >= least) return [first - week + RAMP_WINDOW_WEEKS];
  }
  return [];
}

const median = (values: readonly number[]): number =>
  quantileOf(
    [...values].sort((a, b) => a - b),
    0.5,
  );
