import type { SloReply } from '../../../src/contract/slos.ts';
import type { Indicator } from '../../../src/slo/objective.ts';
import type { ObjectiveView } from '../../../src/slo/slo-register.ts';
import { seconds } from '../../gateway/routes/wire.ts';
import type { Handlers } from '../../gateway/serve.ts';

export const sloHandlers = {
  setSlo: async ({ gateway, principal, authority, params, body }) => {
    const set = await gateway.slos.set({ principal, authority }, params.slo, body);
    return set.ok ? { ok: true, reply: sloReply(set.value), used: {} } : set;
  },
  listSlos: async ({ gateway, principal }) => {
    const listed = await gateway.slos.list(principal);
    return listed.ok ? { ok: true, reply: { object: 'list' as const, data: listed.value.map(sloReply) }, used: {} } : listed;
  },
  getSlo: async ({ gateway, principal, params }) => {
    const found = await gateway.slos.find(principal, params.slo);
    return found.ok ? { ok: true, reply: sloReply(found.value), used: {} } : found;
  },
  deleteSlo: async ({ gateway, principal, authority, params: { slo } }) => {
    const removed = await gateway.slos.remove({ principal, authority }, slo);
    return removed.ok ? { ok: true, reply: { object: 'slo' as const, name: slo, deleted: true as const }, used: {} } : removed;
  },
  setCapacityAlerts: async ({ gateway, principal, authority, body: { enabled, horizon_days: horizonDays } }) => {
    const set = await gateway.slos.setAlerts({ principal, authority }, { enabled, horizonDays });
    return set.ok ? { ok: true, reply: alertsReply(set.value), used: {} } : set;
  },
  getCapacityAlerts: async ({ gateway, principal }) => {
    const alerts = await gateway.slos.alerts(principal);
    return alerts.ok ? { ok: true, reply: alertsReply(alerts.value), used: {} } : alerts;
  },
} satisfies Partial<Handlers>;

const alertsReply = ({ enabled, horizonDays }: { readonly enabled: boolean; readonly horizonDays: number }) => ({
  enabled,
  horizon_days: horizonDays,
});

function sloReply({ objective, budget, burns, observedMs }: ObjectiveView): SloReply {
  const { name, indicator, target, windowDays, owner, createdAtMs } = objective;
  return {
    object: 'slo',
    name,
    indicator: indicatorReply(indicator),
    objective: target,
    window_days: windowDays,
    owner,
    status: statusOf(
      budget.attained,
      budget.spent,
      burns.some(({ isFiring }) => isFiring),
    ),
    attained: budget.attained ?? null,
    events: budget.events.total,
    bad_events: budget.events.total - budget.events.good,
    budget_spent: budget.spent,
    burn: burns.map((burn) => ({
      policy: burn.policy,
      severity: burn.severity,
      threshold: burn.threshold,
      long_s: seconds(burn.longMs),
      short_s: seconds(burn.shortMs),
      long_rate: burn.longRate,
      short_rate: burn.shortRate,
      firing: burn.isFiring,
    })),
    created_at: seconds(createdAtMs),
    observed_at: observedMs === null ? null : seconds(observedMs),
  };
}

function statusOf(attained: number | undefined, spent: number, isBurning: boolean): SloReply['status'] {
  if (attained === undefined) return 'no_data';
  if (isBurning) return 'burning';
  return spent >= 1 ? 'exhausted' : 'ok';
}

function indicatorReply(indicator: Indicator): object {
  switch (indicator.kind) {
    case 'availability':
    case 'recall':
      return indicator;
    case 'latency':
      return { kind: 'latency', by: indicator.by, name: indicator.name, below_ms: indicator.belowMs };
    case 'freshness':
      return { kind: 'freshness', index: indicator.index, waiting_max: indicator.waitingMax };
    case 'queue_wait':
      return { kind: 'queue_wait', queue: indicator.queue, below_s: indicator.belowMs / 1000 };
  }
}
