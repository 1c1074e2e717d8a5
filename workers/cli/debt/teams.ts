import type { Command } from 'commander';

import type { DebtTeam } from '../../../src/contract/debt-plan.ts';
import type { DebtPolicy } from '../../../src/contract/debt-policy.ts';
import type { Assessment } from '../../../src/debt/assess.ts';
import { Components } from '../../../src/debt/components.ts';
import type { FactSet } from '../../../src/debt/fact.ts';
import type { ComponentOwnership } from '../../../src/debt/teams/ownership.ts';
import { ownershipOf } from '../../../src/debt/teams/ownership.ts';
import type { MentoringPair, PlatformCandidate } from '../../../src/debt/teams/shared-work.ts';
import { mentoringPairs, platformCandidates } from '../../../src/debt/teams/shared-work.ts';
import type { TeamHistory } from '../../../src/debt/teams/team-history.ts';
import { sumOf, TeamHistoryBuilder } from '../../../src/debt/teams/team-history.ts';
import type { TeamLoad } from '../../../src/debt/teams/team-load.ts';
import { loadsOf, rampUpWeeksOf } from '../../../src/debt/teams/team-load.ts';
import type { TeamSplit } from '../../../src/debt/teams/team-split.ts';
import { splitOf } from '../../../src/debt/teams/team-split.ts';
import { table } from '../command.ts';
import { print } from '../jobs/job-command.ts';
import type { Assessed, AssessFlags } from './assessed.ts';
import { assessed, ofFacts } from './assessed.ts';
import { isAuthor } from './collectors/ownership.ts';
import { time } from './debt-text.ts';
import { readChanges } from './repository/read-history.ts';
import type { Repository } from './repository/repository.ts';

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
}

const CHANGE_MINUTES = 30;

/** `sluice debt teams`. */
export const teamsCommand = (): Command =>
  ofFacts('teams', 'Who owns and knows each component, how full each team is, and where one could be divided.').action(
    async (path: string, flags: AssessFlags) => {
      const found = await teamReport(await assessed(path, flags));
      if (flags.json === true) print(found);
      else console.log(teamText(found));
    },
  );

export async function teamReport({ repository, policy, facts, assessment }: Assessed): Promise<TeamReport> {
  const components = new Components(policy);
  const history = await teamHistory(repository, components, facts.nowS);
  const ownersOf = ownersByComponent(facts);
  const teams = teamsOf(policy, ownersOf, history);
  const ownerOf = new Map([...ownersOf].map(([component, [first = null]]) => [component, first]));
  const ownership = ownershipOf(
    assessment.components.map(({ name, tier }) => ({ name, tier, owner: ownerOf.get(name) ?? null })),
    teams,
    history,
  );
  const [measured] = facts.of('change-time');
  const rampUpWeeks = rampUpWeeksOf(history);
  const loads = loadsOf({
    teams,
    history,
    changeMinutes: typeof measured?.value === 'number' ? measured.value : CHANGE_MINUTES,
    interestOf: interestByOwner(assessment),
    rampUpWeeks,
    hiringWeeks: policy.plan.hiring_weeks,
  });
  const interestOf = new Map(assessment.components.map(({ name, interest }) => [name, interest.p50]));
  const recentOf = (component: string): number => sumOf(history.recent.get(component)?.values() ?? []);
  return {
    teams,
    ownership,
    loads,
    rampUpWeeks,
    splits: teams.flatMap(({ name }) => {
      const owned = [...ownerOf].filter(([, owner]) => owner === name).map(([component]) => component);
      const split = splitOf(
        owned,
        (component) => recentOf(component) * CHANGE_MINUTES + (interestOf.get(component) ?? 0),
        history.together,
      );
      return split === undefined ? [] : [{ team: name, split }];
    }),
    platforms: platformCandidates(facts.of('clone'), (file) => ownerOf.get(components.of(file)) ?? null),
    mentoring: mentoringPairs(ownership, teams, history),
  };
}

async function teamHistory(repository: Repository, components: Components, nowS: number): Promise<TeamHistory> {
  const history = new TeamHistoryBuilder(nowS);
  for await (const { author, atS, files } of readChanges(repository)) {
    const lines = new Map<string, number>();
    for (const file of files) {
      const component = components.of(file.path);
      lines.set(component, (lines.get(component) ?? 0) + file.lines);
    }
    history.add({ author, atS, components: [...lines.keys()], lines: [...lines.values()] });
  }
  return history;
}

const ownersByComponent = (facts: FactSet): ReadonlyMap<string, readonly string[]> =>
  new Map(facts.of('owner').map(({ subject, value }) => [subject, String(value).split(' ').filter(Boolean)]));

/** The teams of the policy, whose members may be named as owners are; without them, each owner of components is a team of its own. */
function teamsOf(policy: DebtPolicy, ownersOf: ReadonlyMap<string, readonly string[]>, history: TeamHistory): readonly DebtTeam[] {
  const authors = [...history.weekly.keys()];
  const authorsNamed = (names: readonly string[]): string[] =>
    authors.filter((author) => names.some((name) => name === author || isAuthor(name, author)));
  if (policy.teams.length > 0) return policy.teams.map((team) => ({ ...team, members: authorsNamed(team.members) }));
  const owners = new Set([...ownersOf.values()].flatMap(([first]) => first ?? []));
  return [...owners].sort().map((name) => ({
    name,
    capacity_minutes_per_week: policy.capacity_minutes_per_week,
    members: authorsNamed([name]),
    on_call: [],
  }));
}

export function interestByOwner({ findings }: Assessment): ReadonlyMap<string, number> {
  const interest = new Map<string, number>();
  for (const { owner, interest_minutes_per_week: minutes } of findings) {
    if (owner !== null) interest.set(owner, (interest.get(owner) ?? 0) + minutes.p50);
  }
  return interest;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const dateOf = (atS: number | null): string => (atS === null ? '-' : new Date(atS * 1000).toISOString().slice(0, 10));

function teamText({ teams, ownership, loads, rampUpWeeks, splits, platforms, mentoring }: TeamReport): string {
  const known = ownership.map(({ component, tier, owner, effectiveOwner, busFactor, authors: [best], isCovered, moveTo }) => [
    component,
    tier,
    owner ?? '-',
    effectiveOwner === null ? 'no' : 'yes',
    busFactor,
    best === undefined ? '-' : `${best.author.replace(/ <.*/, '')} ${percent(best.share)}`,
    isCovered ? 'yes' : 'no',
    moveTo === null ? '' : `${moveTo.team} (${percent(moveTo.share)} of ${moveTo.commits} commits)`,
  ]);
  const load = loads.map((one) => [
    one.team,
    percent(one.load),
    time(one.changes),
    time(one.interest),
    time(one.reviews),
    time(one.pages),
    one.growthPerWeek === null ? '-' : `${(one.growthPerWeek * 100).toFixed(1)} points`,
    dateOf(one.saturatedAtS),
    dateOf(one.hireByS),
  ]);
  return [
    table(['component', 'tier', 'owner', 'effective', 'bus factor', 'knows most', 'on call', 'move to'], known),
    '',
    teams.length === 0
      ? 'No owners are known: write a CODEOWNERS file, or `teams` in debt.json.'
      : table(['team', 'load', 'changes', 'interest', 'reviews', 'pages', 'grows a week', 'saturated', 'hire by'], load),
    rampUpWeeks === null
      ? 'Too few authors arrived within the history to say how long that takes.'
      : `New authors arrive in ${rampUpWeeks} weeks (median).`,
    ...splits.map(({ team, split: { parts, cutShare, isClean } }) => {
      const [first, second] = parts.map((part) => part.join(', '));
      return `${team} divides into ${first} and ${second}: ${percent(cutShare)} of shared changes would cross${isClean ? '' : ', which is not clean'}`;
    }),
    ...platforms.map(
      ({ lines, owners, files }) => `platform candidate: ${lines} lines that ${owners.join(', ')} each have: ${files.join(', ')}`,
    ),
    ...mentoring.map(
      ({ component, mentor, mentee }) => `${component}: ${mentor.replace(/ <.*/, '')} could show it to ${mentee.replace(/ <.*/, '')}`,
    ),
  ].join('\n');
}
