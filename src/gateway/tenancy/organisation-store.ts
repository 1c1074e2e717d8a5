import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { Remote } from '../../kernel/remote.ts';
import { ok } from '../../kernel/result.ts';
import type { OrganisationService } from '../../tenancy/organisation-service.ts';
import type { PageOf } from '../../kernel/page.ts';
import type { Organisation } from '../../tenancy/organisation.ts';
import type { NoteChange } from './authority.ts';
import { actorOf } from './subject.ts';

/** Everything of one organisation. Calls reject when the store cannot be reached. */
export type OrganisationStore = Remote<OrganisationService>;

/** The list of all organisations. */
export interface OrganisationDirectory {
  add(organisation: Organisation, digest: string): Promise<Outcome<Organisation>>;
  page(limit: number, after: string | undefined): Promise<PageOf<Organisation>>;
  has(id: OrganisationId): Promise<boolean>;
  /** Writes something, and fails where nothing can be written. */
  probe(): Promise<void>;
  /** All whose ids were made before ids were signed. */
  unsigned(): Promise<readonly OrganisationId[]>;
}

export interface Organisations {
  at(id: OrganisationId): OrganisationStore;
  directory(): OrganisationDirectory;
}

/** Notes changes in the audit trails of tenants. */
export const noteIn =
  (organisations: Organisations): NoteChange =>
  (principal, action, subject) =>
    organisations.at(principal.organisationId).note(principal.tenantId, action, actorOf(principal), subject);

/** The ids of all tenants of an organisation, oldest first. */
export async function allTenants(organisations: Organisations, organisation: OrganisationId): Promise<Outcome<readonly TenantId[]>> {
  const ids: TenantId[] = [];
  for (let more = true; more;) {
    const page = await organisations.at(organisation).tenants(API_LIMITS.pageMaxCount, ids.at(-1));
    if (!page.ok) return page;
    ids.push(...page.value.items.map(({ id }) => id));
    more = page.value.hasMore;
  }
  return ok(ids);
}
