import type { Command } from 'commander';

import type { Roadmap } from '../../../src/contract/debt/debt-plan.ts';
import { roadmap } from '../../../src/contract/debt/debt-plan.ts';
import { DEBT_LIMITS } from '../../../src/contract/debt/debt-limits.ts';
import { Components } from '../../../src/debt/components.ts';
import { worstBudgets } from '../../../src/debt/error-budgets.ts';
import type { DebtPlan } from '../../../src/debt/plan.ts';
import { planDebt } from '../../../src/debt/plan.ts';
import type { RoadmapForecast } from '../../../src/debt/roadmap.ts';
import type { TeamReport } from '../../../src/debt/teams/team-report.ts';
import { forecastRoadmap } from '../../../src/debt/roadmap.ts';
import { shortSha256 } from '../../../src/kernel/short-sha256.ts';
import { show, table, whole } from '../command/command.ts';
import { print } from '../gateway/gateway-command.ts';
import { checkedBy, jsonFile } from '../command/json-file.ts';
import type { Assessed, AssessFlags } from './assessed.ts';
import { assessed, ofFacts } from './assessed.ts';
import { time } from './debt-text.ts';
import { teamReportOf } from './teams.ts';

interface Flags extends AssessFlags {
  readonly weeks: number;
  readonly roadmap?: string;
}

const QUARTER_WEEKS = 13;

export interface PlanWithRoadmap extends DebtPlan {
  readonly weeks: number;
  /** Of the shares that were used, so that two plans can be compared. */
  readonly policySha256: string;
  readonly roadmap: RoadmapForecast | null;
}

/** `sluice debt plan`. */
export const planCommand = (): Command =>
  ofFacts('plan', 'What each team pays of its debt, what it puts off, and which features slip.')
    .option('--weeks <n>', 'so far ahead', whole(1, DEBT_LIMITS.debtPlanWeeksMax), QUARTER_WEEKS)
    .option('--roadmap <file>', 'JSON: {"features": [{"name", "owner", "estimate_minutes"}]}, the most important first')
    .action(async (path: string, flags: Flags) => {
      const features = flags.roadmap === undefined ? undefined : await readRoadmap(flags.roadmap);
      const plan = await planOf(await assessed(path, flags), flags.weeks, { features });
      if (flags.json === true) print(plan);
      else show(planText(plan));
    });

interface PlanContext {
  /** If it is known already. */
  readonly team?: TeamReport;
  /** Components whose debt ratio has risen twice in a row. */
  readonly rising?: ReadonlySet<string>;
  readonly features?: Roadmap | undefined;
}

export async function planOf(
  of: Assessed,
  weeks: number,
  { team, rising = new Set(), features }: PlanContext = {},
): Promise<PlanWithRoadmap> {
  const { teams } = team ?? (await teamReportOf(of));
  const { assessment, policy } = of;
  const readings = worstBudgets([of.facts], new Components(policy));
  const plan = planDebt({
    items: assessment.findings,
    teams: teams.map(({ team: one }) => one),
    readings,
    rising,
    shares: policy.plan,
    weeks,
  });
  return {
    weeks,
    policySha256: shortSha256(JSON.stringify(policy.plan)),
    ...plan,
    roadmap: features === undefined ? null : forecastRoadmap(features.features, plan.owners, weeks),
  };
}

const readRoadmap = async (file: string): Promise<Roadmap> => checkedBy(roadmap, await jsonFile(file), `the roadmap ${file}`);

const week = (value: number | null): string => (value === null ? 'later' : value.toFixed(1));

function planText({ weeks, owners, unplanned, roadmap: forecast, policySha256 }: PlanWithRoadmap): string {
  const lines = owners.flatMap((one) => [
    `${one.owner}: ${Math.round(one.share * 100)} % of ${time(one.capacityMinutesPerWeek)} a week for ${weeks} weeks${one.budgetLeft === null ? '' : `, ${Math.round(one.budgetLeft * 100)} % of the error budget left`}`,
    ...(one.frozen.length === 0 ? [] : [`  frozen until back within the objective: ${one.frozen.join(', ')}`]),
    `  pays ${one.chosen.length} items in ${time(one.chosenMinutes)}, which saves ${time(one.interestSavedPerWeek)} a week:`,
    ...one.chosen.map(({ component, title }) => `    ${component}: ${title}`),
    `  puts off ${one.deferred.length} items and leaves ${one.left.length} cheap ones, which cost ${time(one.interestKeptPerWeek)} a week`,
  ]);
  if (owners.length === 0 && unplanned.length === 0) lines.push('There is nothing to plan: no items, and no teams.');
  if (unplanned.length > 0) lines.push(`${unplanned.length} items have no owner with time: name teams in debt.json`);
  if (forecast !== null) lines.push('', roadmapText(forecast));
  return [...lines, '', `by the shares of debt.json with the hash ${policySha256.slice(0, 12)}`].join('\n');
}

function roadmapText({ features, interestPaidMinutes, interestUnpaidMinutes, unplanned }: RoadmapForecast): string {
  return [
    table(
      ['feature', 'owner', 'done in week', 'without paying'],
      features.map((one) => [one.feature, one.owner, week(one.paidWeek), week(one.unpaidWeek)]),
    ),
    `interest: ${time(interestPaidMinutes)}; without paying ${time(interestUnpaidMinutes)}`,
    ...(unplanned.length === 0 ? [] : [`no team plans ${unplanned.join(', ')}`]),
  ].join('\n');
}
