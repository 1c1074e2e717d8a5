import type { DebtItemReply, DebtPlanReply, DebtRepositoryReply, DebtSummaryReply } from '../../../src/contract/debt.ts';
import type { ComponentScore } from '../../../src/debt/rules/assess.ts';
import type { DebtPlan, PlannedItem } from '../../../src/debt/plan.ts';
import type { ItemView, RepositoryView } from '../../../src/debt/store/debt-registry.ts';
import { onboardingReply } from '../../../src/debt/teams/team-reply.ts';
import type { StoredItem } from '../../../src/debt/store/sqlite-debt-store.ts';
import type { Handlers } from '../../gateway/serve.ts';

const DAY_S = 86_400;

export const debtHandlers = {
  setDebtRepository: async ({ gateway, principal, authority, body }) => {
    const set = await gateway.debt.setRepository({ principal, authority }, body);
    return set.ok ? { ok: true, reply: repositoryReply(set.value), used: {} } : set;
  },
  listDebtRepositories: async ({ gateway, principal, query }) => {
    const listed = await gateway.debt.repositories(principal, query);
    return listed.ok ? { ok: true, reply: { object: 'list' as const, data: listed.value.map(repositoryReply) }, used: {} } : listed;
  },
  deleteDebtRepository: async ({ gateway, principal, authority, params: { debt_repository: id } }) => {
    const removed = await gateway.debt.removeRepository({ principal, authority }, id);
    return removed.ok ? { ok: true, reply: { object: 'debt.repository' as const, id, deleted: true as const }, used: {} } : removed;
  },
  uploadDebtFacts: async ({ gateway, principal, authority, body }) => {
    const taken = await gateway.debt.upload({ principal, authority }, body);
    return taken.ok ? { ok: true, reply: { object: 'debt.upload' as const, ...taken.value }, used: {} } : taken;
  },
  listDebtFacts: async ({ gateway, principal, query: { after, limit, ...filter } }) => {
    const facts = await gateway.debt.facts(principal, filter, after, limit);
    return facts.ok ? { ok: true, reply: pageReply([...facts.value], after, limit), used: {} } : facts;
  },
  listDebtItems: async ({ gateway, principal, query: { tenant, organisation, after, limit, ...filter } }) => {
    const items = await gateway.debt.items(principal, { tenant, organisation }, filter, after, limit);
    return items.ok ? { ok: true, reply: pageReply(items.value.map(itemReply), after, limit), used: {} } : items;
  },
  getDebtItem: async ({ gateway, principal, params }) => {
    const item = await gateway.debt.item(principal, params.debt_item);
    return item.ok ? { ok: true, reply: itemWithEvents(item.value), used: {} } : item;
  },
  changeDebtItem: async ({ gateway, principal, authority, params, body }) => {
    const item = await gateway.debt.act({ principal, authority }, params.debt_item, body);
    return item.ok ? { ok: true, reply: itemWithEvents(item.value), used: {} } : item;
  },
  getDebtPlan: async ({ gateway, principal, params: { debt_repository: repository }, query: { weeks } }) => {
    const plan = await gateway.debt.plan(principal, repository, weeks);
    return plan.ok ? { ok: true, reply: planReply(repository, weeks, plan.value), used: {} } : plan;
  },
  getDebtOnboarding: async ({ gateway, principal, params: { debt_repository: repository }, query: { component } }) => {
    const path = await gateway.debt.onboarding(principal, repository, component);
    return path.ok ? { ok: true, reply: onboardingReply(path.value), used: {} } : path;
  },
  getDebtSummary: async ({ gateway, principal, query }) => {
    const repositories = await gateway.debt.repositories(principal, query);
    return repositories.ok ? { ok: true, reply: summaryReply(repositories.value), used: {} } : repositories;
  },
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
