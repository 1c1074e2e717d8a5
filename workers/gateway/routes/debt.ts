import type { DebtItemReply, DebtPlanReply, DebtRepositoryReply, DebtSummaryReply } from '../../../src/contract/debt/debt.ts';
import type { ComponentScore } from '../../../src/debt/rules/assess.ts';
import type { DebtPlan, PlannedItem } from '../../../src/debt/plan.ts';
import type { ItemView, RepositoryView } from '../../../src/debt/store/debt-registry.ts';
import { onboardingReply } from '../../../src/debt/teams/team-reply.ts';
import type { StoredItem } from '../../../src/debt/store/sqlite-debt-store.ts';
import type { Handlers } from '../pipeline/serve.ts';
import { replied } from './wire.ts';

const DAY_S = 86_400;

export const debtHandlers = {
  setDebtRepository: ({ gateway, principal, authority, body }) =>
    replied(gateway.debt.setRepository({ principal, authority }, body), repositoryReply),
  listDebtRepositories: ({ gateway, principal, query }) =>
    replied(gateway.debt.repositories(principal, query), (listed) => ({ object: 'list' as const, data: listed.map(repositoryReply) })),
  deleteDebtRepository: ({ gateway, principal, authority, params: { debt_repository: id } }) =>
    replied(gateway.debt.removeRepository({ principal, authority }, id), () => ({
      object: 'debt.repository' as const,
      id,
      deleted: true as const,
    })),
  uploadDebtFacts: ({ gateway, principal, authority, body }) =>
    replied(gateway.debt.upload({ principal, authority }, body), (taken) => ({ object: 'debt.upload' as const, ...taken })),
  listDebtFacts: ({ gateway, principal, query: { after, limit, ...filter } }) =>
    replied(gateway.debt.facts(principal, filter, after, limit), (facts) => pageReply([...facts], after, limit)),
  listDebtItems: ({ gateway, principal, query: { tenant, organisation, after, limit, ...filter } }) =>
    replied(gateway.debt.items(principal, { tenant, organisation }, filter, after, limit), (items) =>
      pageReply(items.map(itemReply), after, limit),
    ),
  getDebtItem: ({ gateway, principal, params }) => replied(gateway.debt.item(principal, params.debt_item), itemWithEvents),
  changeDebtItem: ({ gateway, principal, authority, params, body }) =>
    replied(gateway.debt.act({ principal, authority }, params.debt_item, body), itemWithEvents),
  getDebtPlan: ({ gateway, principal, params: { debt_repository: repository }, query: { weeks } }) =>
    replied(gateway.debt.plan(principal, repository, weeks), (plan) => planReply(repository, weeks, plan)),
  getDebtOnboarding: ({ gateway, principal, params: { debt_repository: repository }, query: { component } }) =>
    replied(gateway.debt.onboarding(principal, repository, component), onboardingReply),
  getDebtSummary: ({ gateway, principal, query }) => replied(gateway.debt.repositories(principal, query), summaryReply),
} satisfies Partial<Handlers>;

const pageReply = <T>(data: T[], after: number, limit: number) => ({
  object: 'list' as const,
  data,
  next: data.length < limit ? null : after + limit,
});

const repositoryReply = ({ repository, facts }: RepositoryView): DebtRepositoryReply => ({
  object: 'debt.repository',
  id: repository.id,
  tenant: repository.tenantId,
  repository: repository.repository,
  public_key: repository.publicKey,
  facts,
  created_at: repository.createdAtS,
  uploaded_at: repository.uploadedAtS,
});

const itemReply = ({ repository, item }: StoredItem): DebtItemReply => ({
  ...item,
  object: 'debt.item',
  item: `${repository}.${item.id}`,
  repository,
});

const itemWithEvents = ({ events, ...stored }: ItemView) => ({
  ...itemReply(stored),
  events: events.map(({ kind, atS, by, reason }) => ({ kind, at: atS, by, reason })),
});

const planReply = (repository: string, weeks: number, { owners, unplanned }: DebtPlan): DebtPlanReply => {
  const planned = (items: readonly PlannedItem[]) =>
    items.map(({ id, title, component, principal_minutes: principal, interest_minutes_per_week: interest }) => ({
      item: `${repository}.${id}`,
      title,
      component,
      principal_minutes: principal.p50,
      interest_minutes_per_week: interest.p50,
    }));
  return {
    object: 'debt.plan',
    repository,
    weeks,
    owners: owners.map((one) => ({
      owner: one.owner,
      capacity_minutes_per_week: one.capacityMinutesPerWeek,
      share: one.share,
      budget_left: one.budgetLeft,
      frozen: [...one.frozen],
      chosen: planned(one.chosen),
      deferred: planned(one.deferred),
      cheap: planned(one.left),
      interest_saved_per_week: one.interestSavedPerWeek,
      interest_kept_per_week: one.interestKeptPerWeek,
    })),
    unplanned: planned(unplanned),
  };
};

const summaryReply = (views: readonly RepositoryView[]): DebtSummaryReply => ({
  object: 'debt.summary',
  repositories: views.map(({ repository, assessed, history }) => ({
    id: repository.id,
    repository: repository.repository,
    total: assessed === undefined ? null : scoreReply(assessed.total),
    components: assessed?.components.map(scoreReply) ?? [],
    signals: assessed?.signals.map(({ signal, isKnown }) => ({ signal, known: isKnown })) ?? [],
    trend: history.map(({ day, open, principal, interest, ratio }) => ({
      day: day * DAY_S,
      open,
      principal_minutes: principal,
      interest_minutes_per_week: interest,
      ratio,
    })),
  })),
});

const scoreReply = ({ name, tier, owner, lines, items, principal, interest, assessedRatio, rating }: ComponentScore) => ({
  name,
  tier,
  owner,
  lines,
  items,
  principal_minutes: principal.p50,
  interest_minutes_per_week: interest.p50,
  ratio: assessedRatio,
  rating,
});
