import type { OnboardingReply, TeamsReply } from '../../contract/teams.ts';
import type { ComponentOwnership } from './ownership.ts';
import type { OnboardingPath } from './onboarding.ts';
import type { TeamReport } from './team-report.ts';

// What the API and the command answer: the same.

const seconds = (atS: number | null): number | null => (atS === null ? null : Math.max(0, Math.floor(atS)));

export const teamsReply = ({ teams, ownership, loads, rampUpWeeks, splits, platforms, mentoring, guards }: TeamReport): TeamsReply => ({
  object: 'capacity.teams',
  ramp_up_weeks: rampUpWeeks,
  teams: loads.map((one) => {
    const split = splits.find(({ team }) => team === one.team)?.split;
    return {
      team: one.team,
      members: [...(teams.find(({ name }) => name === one.team)?.members ?? [])],
      capacity_minutes_per_week: one.capacityMinutesPerWeek,
      change_minutes: one.changes,
      interest_minutes: one.interest,
      review_minutes: one.reviews,
      page_minutes: one.pages,
      load: one.load,
      growth_per_week: one.growthPerWeek,
      saturated_at: seconds(one.saturatedAtS),
      hire_by: seconds(one.hireByS),
      on_call_covered: one.isOnCallCovered,
      guards: (guards.find(({ team }) => team === one.team)?.metrics ?? []).map(({ guardValue, ...metric }) => ({
        ...metric,
        guard_value: guardValue,
      })),
      split:
        split === undefined
          ? null
          : {
              parts: [[...split.parts[0]], [...split.parts[1]]],
              cut_share: split.cutShare,
              balance: split.balance,
              clean: split.isClean,
            },
    };
  }),
  components: ownership.map(ownershipReply),
  platform_candidates: platforms.map(({ owners, files, ...candidate }) => ({ ...candidate, owners: [...owners], files: [...files] })),
  mentoring: mentoring.map(({ knowsNearby, ...pair }) => ({ ...pair, knows_nearby: knowsNearby })),
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
