import type { SloReply } from '../../../../src/contract/planning/slos.ts';
import type { Indicator } from '../../../../src/slo/objective.ts';
import type { ObjectiveView } from '../../../../src/slo/slo-register.ts';
import { replied, seconds } from '../wire.ts';
import type { Handlers } from '../../pipeline/serve.ts';

export const sloHandlers = {
  setSlo: ({ gateway, principal, authority, params, body }) =>
    replied(gateway.slos.set({ principal, authority }, params.slo, body), sloReply),
  listSlos: ({ gateway, principal }) =>
    replied(gateway.slos.list(principal), (listed) => ({ object: 'list' as const, data: listed.map(sloReply) })),
  getSlo: ({ gateway, principal, params }) => replied(gateway.slos.find(principal, params.slo), sloReply),
  deleteSlo: ({ gateway, principal, authority, params: { slo } }) =>
    replied(gateway.slos.remove({ principal, authority }, slo), () => ({ object: 'slo' as const, name: slo, deleted: true as const })),
  setCapacityAlerts: ({ gateway, principal, authority, body: { enabled, horizon_days: horizonDays } }) =>
    replied(gateway.slos.setAlerts({ principal, authority }, { enabled, horizonDays }), alertsReply),
  getCapacityAlerts: ({ gateway, principal }) => replied(gateway.slos.alerts(principal), alertsReply),
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
