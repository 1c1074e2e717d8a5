import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Organisations } from './organisation-store.ts';

/** The ids of all tenants of an organisation, oldest first. */
export async function allTenants(organisations: Organisations, organisation: OrganisationId): Promise<Outcome<readonly TenantId[]>> {
  const ids: TenantId[] = [];
  for (let more = true; more;) {
    const page = await organisations.at(organisation).tenants(LIMITS.pageMaxCount, ids.at(-1));
    if (!page.ok) return page;
    ids.push(...page.value.items.map(({ id }) => id));
    more = page.value.hasMore;
  }
  return ok(ids);
}
