import { onboardingReply, teamsReply } from '../../../src/debt/teams/team-reply.ts';
import type { Handlers } from '../../gateway/serve.ts';

export const teamHandlers = {
  getCapacityTeams: async ({ gateway, principal, query: { repository } }) => {
    const teams = await gateway.debt.teams(principal, repository);
    return teams.ok ? { ok: true, reply: teamsReply(teams.value), used: {} } : teams;
  },
  getDebtOnboarding: async ({ gateway, principal, params: { debt_repository: repository }, query: { component } }) => {
    const path = await gateway.debt.onboarding(principal, repository, component);
    return path.ok ? { ok: true, reply: onboardingReply(path.value), used: {} } : path;
  },
} satisfies Partial<Handlers>;
