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
/**
 * What arriving takes where no one was seen to arrive, as in a project of one: productivity reaches its plateau within a few months in small and
 * medium projects (Zhou and Mockus, Developer Fluency, FSE 2010).
 */
const ASSUMED_RAMP_UP_WEEKS = 13;
/** A trend of half a year says nothing of what comes later than twice that. */
const FORESEEN_WEEKS = 52;
/** What a page takes with its interruption: an assumption. */
const PAGE_MINUTES = 45;
/**
 * What reviewing a change takes of what making it takes: 40 minutes of 130. Developers at Google review four changes a week at the median, in 2.6
 * hours (Sadowski et al., Modern Code Review, ICSE-SEIP 2018).
 */
const REVIEW_SHARE = 0.3;

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
  /** When the load reaches 85 %, in seconds; null: not within a year of such growth. */
  readonly saturatedAtS: number | null;
  /** When hiring has to begin, so that a new member has arrived by then; null: it need not. */
  readonly hireByS: number | null;
  readonly isOnCallCovered: boolean;
}

interface LoadBasis {
  readonly history: TeamHistory;
  /** Minutes that a commit takes. */
  readonly changeMinutes: number;
  /** What arriving takes; null: not known. */
  readonly rampUpWeeks: number | null;
  /** From deciding to hire until the new member's first day. */
  readonly hiringWeeks: number;
}

/** What comes to a team from elsewhere. */
interface Demand {
  /** Of its open items, in minutes a week. */
  readonly interest: number;
  /** Changes that others made to its components, by week, the oldest of 26 first: it reviewed them. */
  readonly reviewed: readonly number[];
}

/** What a team has to do, and when it will be too much (D64, D65). */
export function loadOf(
  team: DebtTeam,
  { interest, reviewed }: Demand,
  { history, changeMinutes, rampUpWeeks, hiringWeeks }: LoadBasis,
): TeamLoad {
  const made = weeklyCommits(team.members, history);
  const capacity = team.capacity_minutes_per_week;
  const commitsPerWeek = sumOf(made) / made.length;
  const changes = commitsPerWeek * changeMinutes;
  const reviewMinutes = team.review_minutes_per_week === undefined ? changeMinutes * REVIEW_SHARE : 0;
  const reviews = team.review_minutes_per_week ?? (sumOf(reviewed) / RECENT_WEEKS) * reviewMinutes;
  const pages = (team.pages_per_week ?? 0) * PAGE_MINUTES;
  const load = (changes + interest + reviews + pages) / capacity;
  const slope = slopeOf(made.map((commits, i) => commits * changeMinutes + (reviewed[i] ?? 0) * reviewMinutes));
  const growth = slope === null ? null : slope / capacity;
  const saturatedAtS = saturation(load, growth, history.nowS);
  const hireByS = saturatedAtS === null ? null : saturatedAtS - (hiringWeeks + (rampUpWeeks ?? ASSUMED_RAMP_UP_WEEKS)) * WEEK_S;
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

/** Changes that authors of no team member made to its components, in each recent week, the oldest first. [D108] */
export function changesOfOthers({ members }: DebtTeam, components: ReadonlySet<string>, history: TeamHistory): number[] {
  const own = new Set(members);
  const weeks = Array<number>(RECENT_WEEKS).fill(0);
  for (const [author, share] of sharesWithin(components, history)) {
    if (own.has(author)) continue;
    weeklyCommits([author], history).forEach((commits, i) => (weeks[i] = (weeks[i] ?? 0) + commits * share));
  }
  return weeks;
}

/** Of what each author changed lately, the share that lies in some components: a commit that changes two counts in both. */
function sharesWithin(components: ReadonlySet<string>, { recent }: TeamHistory): ReadonlyMap<string, number> {
  const [within, all] = [new Map<string, number>(), new Map<string, number>()];
  for (const [component, authors] of recent) {
    for (const [author, commits] of authors) {
      all.set(author, (all.get(author) ?? 0) + commits);
      if (components.has(component)) within.set(author, (within.get(author) ?? 0) + commits);
    }
  }
  return new Map([...within].map(([author, commits]) => [author, commits / (all.get(author) ?? commits)]));
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
  if (growth === null || growth <= 0) return null;
  const weeks = (SATURATED_SHARE - load) / growth;
  return weeks > FORESEEN_WEEKS ? null : nowS + weeks * WEEK_S;
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
