import type { DebtTeam } from '../../contract/debt/debt-plan.ts';
import type { DebtPolicy } from '../../contract/debt/debt-policy.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { Components } from '../components.ts';
import type { FactSet } from '../fact.ts';
import { sumOf } from '../evidence/number-table.ts';
import { changeMinutesOf } from '../rules/rule.ts';
import type { CountedItem, GuardedMetric } from './guard-metrics.ts';
import { guardedMetrics, totalInterest } from './guard-metrics.ts';
import type { ComponentOwnership } from './ownership.ts';
import { handleOf, namesOfAuthor, ownershipOf } from './ownership.ts';
import type { MentoringPair, PlatformCandidate } from './shared-work.ts';
import { mentoringPairs, platformCandidates } from './shared-work.ts';
import type { TeamHistory } from './team-history.ts';
import { RECENT_WEEKS } from './team-history.ts';
import type { TeamLoad } from './team-load.ts';
import { changesOfOthers, loadOf, rampUpWeeksOf } from './team-load.ts';
import type { TeamSplit } from './team-split.ts';
import { splitOf } from './team-split.ts';

/** What is known of one team. */
interface ReportedTeam {
  readonly team: DebtTeam;
  readonly load: TeamLoad;
  /** The best division of its components; undefined: there is none. */
  readonly split: TeamSplit | undefined;
  readonly guards: readonly GuardedMetric[];
}

/** What the commits, the policy and the facts say about those who work on a repository. */
export interface TeamReport {
  readonly teams: readonly ReportedTeam[];
  readonly ownership: readonly ComponentOwnership[];
  /** Weeks until new authors have arrived; null: too few did to say. */
  readonly rampUpWeeks: number | null;
  readonly platforms: readonly PlatformCandidate[];
  readonly mentoring: readonly MentoringPair[];
}

interface TeamReportInput {
  readonly facts: FactSet;
  readonly policy: DebtPolicy;
  readonly history: TeamHistory;
  /** Open and accepted items. */
  readonly items: readonly CountedItem[];
}

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
  const openBy = (by: 'owner' | 'component') => groupBy(open, (item) => item[by] ?? '');
  const [ofOwner, ofComponent] = [openBy('owner'), openBy('component')];
  const basis = {
    history,
    changeMinutes: changeMinutesOf(facts).p50,
    rampUpWeeks: rampUpWeeksOf(history),
    hiringWeeks: policy.plan.hiring_weeks,
  };
  /** Minutes a week; a component has no reviews and pages of its own. */
  const componentLoad = (component: string): number =>
    (sumOf(history.recent.get(component)?.values() ?? []) / RECENT_WEEKS) * basis.changeMinutes +
    totalInterest(ofComponent.get(component) ?? []);
  return {
    teams: teams.map((team) => {
      const owned = ownership.filter(({ owner }) => owner === team.name);
      const ownComponents = new Set(owned.map(({ component }) => component));
      const interest = totalInterest(ofOwner.get(team.name) ?? []);
      const load = loadOf(team, { interest, reviewed: changesOfOthers(team, ownComponents, history) }, basis);
      const own = items.filter(({ owner }) => owner === team.name);
      const componentsOfOneAuthor = owned.filter(({ busFactor }) => busFactor === 1).length;
      const ownNames = owned.map(({ component }) => component);
      const guards = guardedMetrics({ load, items: own, componentsOfOneAuthor });
      return { team, load, split: splitOf(ownNames, componentLoad, history.together), guards };
    }),
    ownership,
    rampUpWeeks: basis.rampUpWeeks,
    platforms: platformCandidates(facts.of('clone'), (file) => ownerOf.get(components.of(file)) ?? null),
    mentoring: mentoringPairs(ownership, teams, history),
  };
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
