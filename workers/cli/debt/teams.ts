import type { Command } from 'commander';

import { Components } from '../../../src/debt/components.ts';
import { historyOf } from '../../../src/debt/teams/history-facts.ts';
import type { TeamReport } from '../../../src/debt/teams/team-report.ts';
import { teamReport } from '../../../src/debt/teams/team-report.ts';
import type { TeamSplit } from '../../../src/debt/teams/team-split.ts';
import { teamsReply } from '../../../src/debt/teams/team-reply.ts';
import { show, table } from '../command/command.ts';
import { print } from '../gateway/gateway-command.ts';
import type { Assessed, AssessFlags } from './assessed.ts';
import { assessed, ofFacts } from './assessed.ts';
import { teamHistory } from './collect-teams.ts';
import { dateOf, time } from './debt-text.ts';

/** `sluice debt teams`. */
export const teamsCommand = (): Command =>
  ofFacts('teams', 'Who owns and knows each component, how full each team is, and where one could be divided.').action(
    async (path: string, flags: AssessFlags) => {
      const found = await teamReportOf(await assessed(path, flags));
      if (flags.json === true) print(teamsReply(found));
      else show(teamText(found));
    },
  );

/** Of the history that the facts have; of facts of an earlier version, which have none, of the one that the repository has. */
export async function teamReportOf({ repository, policy, facts, assessment }: Assessed): Promise<TeamReport> {
  const history = historyOf(facts) ?? (await teamHistory(repository, new Components(policy), facts.nowS));
  return teamReport({ facts, policy, history, items: assessment.findings });
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const words = (name: string): string => name.replaceAll('_', ' ');
const rounded = (value: number): number => Number(value.toFixed(2));

function teamText({ teams, ownership, rampUpWeeks, platforms, mentoring }: TeamReport): string {
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
  const loads = teams.map(({ load: one }) => [
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
      : table(['team', 'load', 'changes', 'interest', 'reviews', 'pages', 'grows a week', 'saturated', 'hire by'], loads),
    rampUpWeeks === null
      ? 'Too few authors arrived within the history to say how long that takes.'
      : `New authors arrive in ${rampUpWeeks} weeks (median).`,
    ...teams.flatMap(({ team, split }) => (split === undefined ? [] : [splitText(team.name, split)])),
    ...platforms.map(
      ({ lines, owners, files }) => `platform candidate: ${lines} lines that ${owners.join(', ')} each have: ${files.join(', ')}`,
    ),
    ...(teams.length === 0 ? [] : ['', guardTable(teams), '']),
    ...mentoring.map(
      ({ component, mentor, mentee }) => `${component}: ${mentor.replace(/ <.*/, '')} could show it to ${mentee.replace(/ <.*/, '')}`,
    ),
  ].join('\n');
}

/** Beside each figure that a team may be praised for, the one that it may have been improved at the cost of. */
const guardTable = (teams: TeamReport['teams']): string =>
  table(
    ['team', 'figure', 'value', 'improves at the cost of', 'value'],
    teams.flatMap(({ team, guards }) =>
      guards.map(({ metric, value, guard, guardValue }) => [team.name, words(metric), rounded(value), words(guard), rounded(guardValue)]),
    ),
  );

const NAMED_MAX = 4;

/** How a team could be divided, with the first names of each part. */
export function splitText(team: string, { parts, cutShare, isClean }: TeamSplit): string {
  const [first, second] = parts.map((part) => {
    const left = part.length - NAMED_MAX;
    return left > 1 ? `${part.slice(0, NAMED_MAX).join(', ')} and ${left} more` : part.join(', ');
  });
  const crossing = `${percent(cutShare)} of shared changes would cross`;
  return isClean
    ? `${team} divides into two: ${first}; and ${second}: ${crossing}`
    : `${team} has no clean division. By the best one, ${first}; and ${second}, ${crossing}`;
}
