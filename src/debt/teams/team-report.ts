import type { DebtTeam } from '../../contract/debt-plan.ts';
import type { DebtPolicy } from '../../contract/debt-policy.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { Components } from '../components.ts';
import type { FactSet } from '../fact.ts';
import type { CountedItem, GuardedMetric } from './guard-metrics.ts';
import { guardedMetrics, interestOf } from './guard-metrics.ts';
import type { ComponentOwnership } from './ownership.ts';
import { handleOf, namesOfAuthor, ownershipOf } from './ownership.ts';
import type { MentoringPair, PlatformCandidate } from './shared-work.ts';
import { mentoringPairs, platformCandidates } from './shared-work.ts';
import type { TeamHistory } from './team-history.ts';
import { sumOf } from './team-history.ts';
import type { TeamLoad } from './team-load.ts';
import { loadsOf, rampUpWeeksOf, weeklyCommits } from './team-load.ts';
import type { TeamSplit } from './team-split.ts';
import { splitOf } from './team-split.ts';

/** What the commits, the policy and the facts say about those who work on a repository. */
export interface TeamReport {
  readonly teams: readonly DebtTeam[];
  readonly ownership: readonly ComponentOwnership[];
  readonly loads: readonly TeamLoad[];
  /** Weeks until new authors have arrived; null: too few did to say. */
  readonly rampUpWeeks: number | null;
  /** Of each team with several components, the best division. */
  readonly splits: readonly { readonly team: string; readonly split: TeamSplit }[];
  readonly platforms: readonly PlatformCandidate[];
  readonly mentoring: readonly MentoringPair[];
  readonly guards: readonly { readonly team: string; readonly metrics: readonly GuardedMetric[] }[];
}

interface TeamReportInput {
  readonly facts: FactSet;
  readonly policy: DebtPolicy;
  readonly history: TeamHistory;
  /** Open and accepted items. */
  readonly items: readonly CountedItem[];
}

/** Assumed where no fact says what a change takes. */
const CHANGE_MINUTES = 30;

export function teamReport({ facts, policy, history, items }: TeamReportInput): TeamReport {
  const components = new Components(policy);
  const ownersOf = new Map(facts.of('owner').map(({ subject, value }) => [subject, String(value).split(' ').filter(Boolean)]));
  const ownerOf = new Map([...ownersOf].map(([component, [first = null]]) => [component, first]));
  const teams = teamsOf(policy, [...ownersOf.values()], history);
  const withCode = facts.of('code-lines').map(({ subject }) => components.of(subject));
  const names = [...new Set([...ownersOf.keys(), ...withCode])].sort();
  const ownership = ownershipOf(
    names.map((name) => ({ name, tier: components.tierOf(name), owner: ownerOf.get(name) ?? null })),
    teams,
    history,
  );
  const open = items.filter(({ state = 'open' }) => state === 'open');
  const openOf = (by: 'owner' | 'component') =>
    new Map([...groupBy(open, (item) => item[by] ?? '')].map(([name, found]) => [name, interestOf(found)]));
  const [measured] = facts.of('change-time');
  const rampUpWeeks = rampUpWeeksOf(history);
  const loads = loadsOf({
    teams,
    history,
    changeMinutes: typeof measured?.value === 'number' ? measured.value : CHANGE_MINUTES,
    interestOf: openOf('owner'),
    rampUpWeeks,
    hiringWeeks: policy.plan.hiring_weeks,
  });
  return {
    teams,
    ownership,
    loads,
    rampUpWeeks,
    splits: splitsOf(teams, ownerOf, openOf('component'), history),
    platforms: platformCandidates(facts.of('clone'), (file) => ownerOf.get(components.of(file)) ?? null),
    mentoring: mentoringPairs(ownership, teams, history),
    guards: loads.map((load) => ({ team: load.team, metrics: guardsOf(load, teams, ownership, items, history) })),
  };
}

function splitsOf(
  teams: readonly DebtTeam[],
  ownerOf: ReadonlyMap<string, string | null>,
  interest: ReadonlyMap<string, number>,
  { recent, together }: TeamHistory,
): TeamReport['splits'] {
  const loadOf = (component: string): number =>
    sumOf(recent.get(component)?.values() ?? []) * CHANGE_MINUTES + (interest.get(component) ?? 0);
  return teams.flatMap(({ name }) => {
    const owned = [...ownerOf].filter(([, owner]) => owner === name).map(([component]) => component);
    const split = splitOf(owned, loadOf, together);
    return split === undefined ? [] : [{ team: name, split }];
  });
}

function guardsOf(
  load: TeamLoad,
  teams: readonly DebtTeam[],
  ownership: readonly ComponentOwnership[],
  items: readonly CountedItem[],
  history: TeamHistory,
): readonly GuardedMetric[] {
  const weeks = weeklyCommits(teams.find(({ name }) => name === load.team)?.members ?? [], history);
  return guardedMetrics({
    load,
    commitsPerWeek: sumOf(weeks) / weeks.length,
    items: items.filter(({ owner }) => owner === load.team),
    componentsOfOneAuthor: ownership.filter(({ owner, busFactor }) => owner === load.team && busFactor === 1).length,
  });
}

/** The teams of the policy, whose members may be named as owners are; without them, each owner of components is a team of its own. [D69] */
function teamsOf(policy: DebtPolicy, owners: readonly (readonly string[])[], history: TeamHistory): readonly DebtTeam[] {
  const authors = [...history.weekly.keys()];
  const byName = groupBy(
    authors.flatMap((author) => [author, ...namesOfAuthor(author)].map((name) => ({ name, author }))),
    ({ name }) => name,
  );
  const authorsNamed = (names: readonly string[]): string[] => {
    const named = new Set(
      names.flatMap((name) => [name, handleOf(name)].flatMap((one) => byName.get(one) ?? [])).map(({ author }) => author),
    );
    return authors.filter((author) => named.has(author));
  };
  if (policy.teams.length > 0) return policy.teams.map((team) => ({ ...team, members: authorsNamed(team.members) }));
  return [...new Set(owners.flatMap(([first]) => first ?? []))].sort().map((name) => ({
    name,
    capacity_minutes_per_week: policy.capacity_minutes_per_week,
    members: authorsNamed([name]),
    on_call: [],
  }));
}
