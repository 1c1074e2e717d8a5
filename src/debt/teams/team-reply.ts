import type { OnboardingReply, TeamsReply } from '../../contract/debt/teams.ts';
import type { ComponentOwnership } from './ownership.ts';
import type { OnboardingPath } from './onboarding.ts';
import type { TeamReport } from './team-report.ts';
import type { TeamSplit } from './team-split.ts';

// What the API and the command answer: the same.

const seconds = (atS: number | null): number | null => (atS === null ? null : Math.max(0, Math.floor(atS)));

export const teamsReply = ({ teams, ownership, rampUpWeeks, platforms, mentoring }: TeamReport): TeamsReply => ({
  object: 'capacity.teams',
  ramp_up_weeks: rampUpWeeks,
  teams: teams.map(({ team, load, split, guards }) => ({
    team: team.name,
    members: [...team.members],
    capacity_minutes_per_week: load.capacityMinutesPerWeek,
    change_minutes: load.changes,
    interest_minutes: load.interest,
    review_minutes: load.reviews,
    page_minutes: load.pages,
    load: load.load,
    growth_per_week: load.growthPerWeek,
    saturated_at: seconds(load.saturatedAtS),
    hire_by: seconds(load.hireByS),
    on_call_covered: load.isOnCallCovered,
    guards: guards.map(({ guardValue, ...metric }) => ({ ...metric, guard_value: guardValue })),
    split: split === undefined ? null : splitReply(split),
  })),
  components: ownership.map(ownershipReply),
  platform_candidates: platforms.map(({ owners, files, ...candidate }) => ({ ...candidate, owners: [...owners], files: [...files] })),
  mentoring: mentoring.map(({ knowsNearby, ...pair }) => ({ ...pair, knows_nearby: knowsNearby })),
});

const splitReply = ({ parts: [first, second], cutShare, balance, isClean }: TeamSplit): TeamsReply['teams'][number]['split'] => ({
  parts: [[...first], [...second]],
  cut_share: cutShare,
  balance,
  clean: isClean,
});

const ownershipReply = ({ component, tier, owner, ...one }: ComponentOwnership): TeamsReply['components'][number] => ({
  component,
  tier,
  owner,
  effective_owner: one.effectiveOwner,
  authors: [...one.authors],
  bus_factor: one.busFactor,
  on_call_covered: one.isCovered,
  move_to: one.moveTo,
});

export const onboardingReply = (path: OnboardingPath): OnboardingReply => ({
  object: 'debt.onboarding',
  component: path.component,
  owner: path.owner,
  read_first: [...path.pages],
  entry_points: path.entryPoints.map((one) => ({ path: one.path, imported_by: one.importedBy })),
  authors: [...path.authors],
  incidents: [...path.incidents],
  first_items: path.firstItems.map(({ id, subject, title, remedy, principal_minutes: { p50 } }) => ({
    id,
    subject,
    title,
    remedy,
    principal_minutes: p50,
  })),
});
