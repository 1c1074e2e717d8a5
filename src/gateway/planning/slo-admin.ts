import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { SetSloBody } from '../../contract/planning/slos.ts';
import type { WriteLease } from '../../contract/tenancy/write-lease.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Indicator, Objective } from '../../slo/objective.ts';
import type { ObjectiveView } from '../../slo/slo-register.ts';
import type { Acting, NoteChange } from '../tenancy/authority.ts';
import { changeNoted } from '../tenancy/authority.ts';
import { ownerFor } from '../tenancy/subject.ts';
import { Composed } from '../api/composed.ts';

/** Whether a tenant is alerted of limits that it is going to reach, and how far ahead. */
export interface CapacityAlerts {
  readonly enabled: boolean;
  readonly horizonDays: number;
}

/** What one tenant plans, wherever it is stored: see `PlanningObject`. */
export interface PlanningCalls {
  putObjective(tenant: TenantId, objective: Omit<Objective, 'createdAtMs'>, lease: WriteLease | undefined): Promise<Outcome<ObjectiveView>>;
  removeObjective(name: string, lease: WriteLease | undefined): Promise<Outcome<null>>;
  objective(name: string): Promise<Outcome<ObjectiveView>>;
  objectives(): Promise<readonly ObjectiveView[]>;
  setAlerts(tenant: TenantId, alerts: CapacityAlerts, lease: WriteLease | undefined): Promise<Outcome<CapacityAlerts>>;
  alerts(): Promise<CapacityAlerts>;
  /** From now on facts about the tenant go to the debt register each hour, while it has a repository there or objectives. */
  measureHourly(tenant: TenantId): Promise<void>;
  /** Deletes everything; later writes are refused. */
  erase(): Promise<void>;
  /** How much is kept. */
  count(): Promise<number>;
}

interface SloAdminParts {
  readonly planning: (tenant: TenantId) => PlanningCalls;
  readonly note: NoteChange;
}

/** Sets and shows the objectives of a tenant, and what it is alerted of. Keys that are restricted to some resources may not. */
export class SloAdmin extends Composed<SloAdminParts> {
  set({ principal, authority }: Acting, name: string, body: SetSloBody): Promise<Outcome<ObjectiveView>> {
    const { tenantId } = principal;
    const objective = {
      name,
      indicator: indicatorOf(body.indicator),
      target: body.objective,
      windowDays: body.window_days,
      owner: body.owner ?? ownerFor(principal),
    };
    return this.#changed({ principal, authority }, 'slo.set', name, (planning, lease) => planning.putObjective(tenantId, objective, lease));
  }

  remove(caller: Acting, name: string): Promise<Outcome<null>> {
    return this.#changed(caller, 'slo.delete', name, (planning, lease) => planning.removeObjective(name, lease));
  }

  async find(principal: TenantPrincipal, name: string): Promise<Outcome<ObjectiveView>> {
    return principal.resources === undefined ? this.parts.planning(principal.tenantId).objective(name) : RESTRICTED;
  }

  async list(principal: TenantPrincipal): Promise<Outcome<readonly ObjectiveView[]>> {
    return principal.resources === undefined ? ok(await this.parts.planning(principal.tenantId).objectives()) : RESTRICTED;
  }

  setAlerts(caller: Acting, alerts: CapacityAlerts): Promise<Outcome<CapacityAlerts>> {
    const { tenantId } = caller.principal;
    return this.#changed(caller, 'capacity.alerts', tenantId, (planning, lease) => planning.setAlerts(tenantId, alerts, lease));
  }

  async alerts(principal: TenantPrincipal): Promise<Outcome<CapacityAlerts>> {
    return principal.resources === undefined ? ok(await this.parts.planning(principal.tenantId).alerts()) : RESTRICTED;
  }

  async #changed<T>(
    caller: Acting,
    action: string,
    subject: string,
    change: (planning: PlanningCalls, lease: WriteLease | undefined) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const { planning, note } = this.parts;
    const { tenantId, resources } = caller.principal;
    if (resources !== undefined) return RESTRICTED;
    return changeNoted(note, caller, [action, subject], ({ lease }) => change(planning(tenantId), lease));
  }
}

const RESTRICTED = refuse('scope_denied', 'the key is restricted to some resources, and objectives are of all: use another key');

function indicatorOf(indicator: SetSloBody['indicator']): Indicator {
  switch (indicator.kind) {
    case 'availability':
      return indicator;
    case 'latency':
      return { kind: 'latency', by: indicator.by, name: indicator.name, belowMs: indicator.below_ms };
    case 'recall':
      return indicator;
    case 'freshness':
      return { kind: 'freshness', index: indicator.index, waitingMax: indicator.waiting_max };
    case 'queue_wait':
      return { kind: 'queue_wait', queue: indicator.queue, belowMs: indicator.below_s * 1000 };
  }
}
