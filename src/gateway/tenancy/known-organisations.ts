import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { OrganisationId } from '../../kernel/ids.ts';
import { portTo } from '../../kernel/remote.ts';
import type { OrganisationDirectory, Organisations, OrganisationStore } from './organisation-store.ts';
import { Composed } from '../api/composed.ts';

interface KnownOrganisationsParts {
  /** Addresses an object, which creates it. */
  readonly at: (id: OrganisationId) => OrganisationStore;
  readonly directory: () => OrganisationDirectory;
  /** Whether this deployment made the id. Rejects when that cannot be determined. */
  readonly isKnown: (id: OrganisationId) => Promise<boolean>;
}

/** The organisations that this deployment made: no object of any other is ever addressed (T65). */
export class KnownOrganisations extends Composed<KnownOrganisationsParts> implements Organisations {
  directory(): OrganisationDirectory {
    return this.parts.directory();
  }

  at(id: OrganisationId): OrganisationStore {
    const { at, isKnown } = this.parts;
    return portTo(
      () => at(id),
      async (call, method) => ((await isKnown(id)) ? call() : ABSENT[method]),
    );
  }
}

const NO_ORGANISATION = refuse('organisation_not_found', 'there is no such organisation', 'organisation');
const NO_TENANT = refuse('tenant_not_found', 'there is no such tenant', 'tenant');
const NO_PROJECT = refuse('project_not_found', 'there is no such project', 'project');
const NO_KEY = refuse('key_not_found', 'there is no such key', 'key');

/** What is absent where there is no such organisation, by what a call is about. */
export const ABSENT: { readonly [Method in keyof OrganisationStore]: Outcome<never> } = {
  found: NO_ORGANISATION,
  addTenant: NO_ORGANISATION,
  addProject: NO_TENANT,
  addKey: NO_TENANT,
  tenant: NO_TENANT,
  tenants: NO_ORGANISATION,
  projects: NO_TENANT,
  keys: NO_TENANT,
  project: NO_PROJECT,
  key: NO_KEY,
  admit: NO_KEY,
  watch: NO_ORGANISATION,
  countCalling: NO_TENANT,
  organisation: NO_ORGANISATION,
  shareCache: NO_ORGANISATION,
  rotateKey: NO_KEY,
  revokeKey: NO_KEY,
  note: NO_TENANT,
  log: NO_ORGANISATION,
  audit: NO_ORGANISATION,
  moveTenant: NO_TENANT,
  keepRegistry: NO_TENANT,
  openIndexes: NO_TENANT,
  spendFile: NO_TENANT,
  admitFile: NO_TENANT,
  belowTenant: NO_TENANT,
  eraseBelow: NO_TENANT,
  buryTenant: NO_TENANT,
};
