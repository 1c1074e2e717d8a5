import { QUEUE_LIMITS } from '../../../contract/queues/queue-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { CohortRecord, CohortSettings } from '../../../contract/queues/queue-record.ts';
import { ROOT_COHORT } from '../../../contract/queues/queue-record.ts';
import { ok } from '../../../kernel/result.ts';
import type { KeyedRequest } from '../../../kernel/sql/spent-keys.ts';
import { nodeOf } from './cohort-tree.ts';
import type { SharingParts } from './queue-operations.ts';
import type { QueueStatus } from './queue-status.ts';
import { QueueStatuses } from './queue-status.ts';
import { OPERATORS } from './sharing.ts';

/** A cohort and how it stands. */
export interface CohortView {
  readonly cohort: CohortRecord;
  readonly status: QueueStatus;
}

/** The root as it is until an operator changes it: everything that there is. */
const ROOT: CohortRecord = {
  name: ROOT_COHORT,
  createdAtMs: null,
  settings: { parent: null, weight: 1, quotas: {} },
  tenantId: null,
  organisationId: null,
};

/** What operators do with cohorts. Each call is one transaction. All but `createCohort` and `cohorts` refuse with `cohort_not_found`. */
export class CohortOperations {
  readonly #parts: SharingParts;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** Refuses with `already_exists`, `invalid_value`, `limit_exceeded`, or for a repetition as idempotency keys do. */
  createCohort(cohort: Omit<CohortRecord, 'createdAtMs'>, request: KeyedRequest | null): Outcome<CohortView> {
    const { sharing, nowMs, transact } = this.#parts;
    return transact(() => {
      const known = sharing.settings.repeated('cohort', OPERATORS, request, nowMs());
      if (!known.ok) return known;
      if (known.value !== undefined) return ok(this.#view(known.value));
      if (cohort.name === ROOT_COHORT) return refuse('already_exists', 'it is always there: change it instead', 'name');
      const made: CohortRecord = { ...cohort, createdAtMs: nowMs() };
      const fault = this.#unfit(made);
      if (!fault.ok) return fault;
      const added = sharing.settings.add('cohort', OPERATORS, made, request, { limit: 'cohortsMaxCount', what: 'there are' });
      if (!added.ok) return added;
      sharing.follow();
      return ok(this.#view(made));
    });
  }

  /** Changes settings; what is absent stays. Refuses with `invalid_value` or `limit_exceeded`. */
  changeCohort(name: string, given: Partial<CohortSettings>): Outcome<CohortView> {
    return this.#within(name, (cohort) => {
      const changed = { ...cohort, settings: { ...cohort.settings, ...given } };
      const fault = this.#unfit(changed);
      if (!fault.ok) return fault;
      this.#parts.sharing.settings.save('cohort', OPERATORS, changed);
      this.#parts.sharing.follow();
      return ok(this.#view(changed));
    });
  }

  /** Tenants in it come under the cohort of their organisation, or the root. Refuses with `state_conflict` the root, and one with cohorts below. */
  removeCohort(name: string): Outcome<null> {
    const { sharing, nowMs } = this.#parts;
    return this.#within(name, () => {
      if (name === ROOT_COHORT) return refuse('state_conflict', 'the root is always there');
      const below = sharing.cohorts.filter(({ settings }) => settings.parent === name).map((cohort) => cohort.name);
      if (below.length > 0) return refuse('state_conflict', `below it is ${below.slice(0, 10).join(', ')}: move or delete those first`);
      sharing.settings.remove('cohort', OPERATORS, name, nowMs());
      sharing.follow();
      return ok(null);
    });
  }

  cohort(name: string): Outcome<CohortView> {
    return this.#within(name, (cohort) => ok(this.#view(cohort)));
  }

  /** By name, after `after`: one more than `limit` when there are more. */
  cohorts(limit: number, after = ''): Outcome<readonly CohortView[]> {
    const { sharing, transact } = this.#parts;
    return transact(() => {
      const all = sharing.cohorts;
      const page = [...(all.some(({ name }) => name === ROOT_COHORT) ? [] : [ROOT]), ...all]
        .filter(({ name }) => name > after)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .slice(0, limit + 1);
      const statuses = new QueueStatuses(sharing.cell);
      return ok(page.map((cohort) => ({ cohort, status: statuses.of(nodeOf(all, cohort.name)) })));
    });
  }

  #view(cohort: CohortRecord): CohortView {
    const { sharing } = this.#parts;
    return { cohort, status: new QueueStatuses(sharing.cell).of(nodeOf(sharing.cohorts, cohort.name)) };
  }

  /** A cohort has a parent that there is and that is not below it, at most `cohortDepthMax` deep; a tenant or an organisation has one cohort. */
  #unfit({ name, settings, tenantId, organisationId }: CohortRecord): Outcome<null> {
    const others = this.#parts.sharing.cohorts.filter((cohort) => cohort.name !== name);
    if (name === ROOT_COHORT) {
      const { parent, weight, quotas } = settings;
      if (parent !== null) return refuse('invalid_value', 'the root is above all cohorts', 'parent');
      if (weight !== 1) return refuse('invalid_value', 'the root shares with no other cohort', 'weight');
      const bounded = Object.entries(quotas).find(([, terms]) => terms.borrowingMaxMilli !== null || terms.lendingMaxMilli !== null);
      return bounded === undefined
        ? ok(null)
        : refuse('invalid_value', 'the root borrows from none and lends to none', ['quotas', bounded[0]]);
    }
    const rival = others.find(
      (other) => (tenantId ?? organisationId) !== null && other.tenantId === tenantId && other.organisationId === organisationId,
    );
    if (rival !== undefined) {
      const of = tenantId === null ? 'organisation' : 'tenant';
      return refuse('already_exists', `cohort ${rival.name} is that of this ${of}`, of);
    }
    return this.#unfitParent(name, settings.parent, others);
  }

  #unfitParent(name: string, parent: string | null, others: readonly CohortRecord[]): Outcome<null> {
    const byName = new Map(others.map((cohort) => [cohort.name, cohort]));
    let above = 0;
    for (let at = parent ?? ROOT_COHORT; at !== ROOT_COHORT; above++) {
      if (at === name) return refuse('invalid_value', `${parent ?? ROOT_COHORT} is below ${name} itself`, 'parent');
      const cohort = byName.get(at);
      if (cohort === undefined) return refuseResource('cohort_not_found', { kind: 'cohort', name: at }, `no cohort ${at}`, 'parent');
      if (cohort.tenantId !== null) return refuse('invalid_value', `below the cohort of a tenant are its queues alone`, 'parent');
      at = cohort.settings.parent ?? ROOT_COHORT;
    }
    const heightOf = (cohort: string): number =>
      1 + Math.max(0, ...others.filter(({ settings }) => settings.parent === cohort).map((child) => heightOf(child.name)));
    const depth = above + heightOf(name);
    if (depth <= QUEUE_LIMITS.cohortDepthMax) return ok(null);
    return refuseBeyond({
      path: 'parent',
      limit: 'cohortDepthMax',
      value: depth,
      what: `there would be ${depth} cohorts below each other`,
    });
  }

  #within<T>(name: string, act: (cohort: CohortRecord) => Outcome<T>): Outcome<T> {
    return this.#parts.transact(() => {
      const found = this.#parts.sharing.cohorts.find((cohort) => cohort.name === name) ?? (name === ROOT_COHORT ? ROOT : undefined);
      if (found !== undefined) return act(found);
      return refuseResource('cohort_not_found', { kind: 'cohort', name }, `no cohort ${name}`, 'cohort');
    });
  }
}
