import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { OrganisationId } from '../../kernel/ids.ts';
import type { OrganisationDirectory, Organisations, OrganisationStore } from './organisation-store.ts';

interface KnownOrganisationsParts {
  /** Addresses an object, which creates it. */
  readonly at: (id: OrganisationId) => OrganisationStore;
  readonly directory: () => OrganisationDirectory;
  /** Whether this deployment made the id. Rejects when that cannot be determined. */
  readonly isKnown: (id: OrganisationId) => Promise<boolean>;
}

type Method<A extends unknown[], T> = (...rest: A) => Promise<Outcome<T>>;

/** The organisations that this deployment made: no object of any other is ever addressed (T65). */
export class KnownOrganisations implements Organisations {
  readonly #parts: KnownOrganisationsParts;

  constructor(parts: KnownOrganisationsParts) {
    this.#parts = parts;
  }

  directory(): OrganisationDirectory {
    return this.#parts.directory();
  }

  at(id: OrganisationId): OrganisationStore {
    const { at, isKnown } = this.#parts;
    const store = (): OrganisationStore => at(id);
    const guarded =
      <A extends unknown[], T>(absent: Outcome<never>, method: Method<A, T>): Method<A, T> =>
      async (...rest) =>
        (await isKnown(id)) ? method(...rest) : absent;
    return {
      found: guarded(NO_ORGANISATION, (...rest) => store().found(...rest)),
      addTenant: guarded(NO_ORGANISATION, (...rest) => store().addTenant(...rest)),
      addProject: guarded(NO_TENANT, (...rest) => store().addProject(...rest)),
      addKey: guarded(NO_TENANT, (...rest) => store().addKey(...rest)),
      tenant: guarded(NO_TENANT, (...rest) => store().tenant(...rest)),
      tenants: guarded(NO_ORGANISATION, (...rest) => store().tenants(...rest)),
      projects: guarded(NO_TENANT, (...rest) => store().projects(...rest)),
      keys: guarded(NO_TENANT, (...rest) => store().keys(...rest)),
      project: guarded(NO_PROJECT, (...rest) => store().project(...rest)),
      key: guarded(NO_KEY, (...rest) => store().key(...rest)),
      admit: guarded(NO_KEY, (...rest) => store().admit(...rest)),
      organisation: guarded(NO_ORGANISATION, (...rest) => store().organisation(...rest)),
      shareCache: guarded(NO_ORGANISATION, (...rest) => store().shareCache(...rest)),
      rotateKey: guarded(NO_KEY, (...rest) => store().rotateKey(...rest)),
      revokeKey: guarded(NO_KEY, (...rest) => store().revokeKey(...rest)),
      note: guarded(NO_TENANT, (...rest) => store().note(...rest)),
      log: guarded(NO_ORGANISATION, (...rest) => store().log(...rest)),
      audit: guarded(NO_ORGANISATION, (...rest) => store().audit(...rest)),
      moveTenant: guarded(NO_TENANT, (...rest) => store().moveTenant(...rest)),
      keepRegistry: guarded(NO_TENANT, (...rest) => store().keepRegistry(...rest)),
      openIndexes: guarded(NO_TENANT, (...rest) => store().openIndexes(...rest)),
      spendFile: guarded(NO_TENANT, (...rest) => store().spendFile(...rest)),
      admitFile: guarded(NO_TENANT, (...rest) => store().admitFile(...rest)),
      belowTenant: guarded(NO_TENANT, (...rest) => store().belowTenant(...rest)),
      eraseBelow: guarded(NO_TENANT, (...rest) => store().eraseBelow(...rest)),
      buryTenant: guarded(NO_TENANT, (...rest) => store().buryTenant(...rest)),
    };
  }
}

const NO_ORGANISATION = refuse('organisation_not_found', 'there is no such organisation', 'organisation');
const NO_TENANT = refuse('tenant_not_found', 'there is no such tenant', 'tenant');
const NO_PROJECT = refuse('project_not_found', 'there is no such project', 'project');
const NO_KEY = refuse('key_not_found', 'there is no such key', 'key');
