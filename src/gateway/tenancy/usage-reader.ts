import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { Dimension } from '../../contract/api/meter.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { windowStartMs } from '../../tenancy/quota/window.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { UsageLine, UsageQuery } from '../../tenancy/usage/usage-query.ts';
import type { Organisations } from './organisation-store.ts';
import { subjectOf } from './subject.ts';
import type { WholeHours } from './whole-hours.ts';
import { wholeHours } from './whole-hours.ts';
import { Composed } from '../api/composed.ts';

/** The ledger of an organisation: its read operations. */
export type UsageLines = (organisationId: OrganisationId, query: UsageQuery) => Promise<Outcome<readonly UsageLine[]>>;

export interface ReadUsage {
  readonly tenant?: TenantId | undefined;
  readonly organisation?: OrganisationId | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly group_by?: readonly Dimension[] | undefined;
}

interface UsageReaderParts {
  readonly organisations: Organisations;
  readonly lines: UsageLines;
  readonly clock: Clock;
  /** Delivers what this isolate has not delivered yet, so that callers see their own calls. */
  readonly flush: () => Promise<void>;
}

export interface UsageReport extends WholeHours {
  readonly lines: readonly UsageLine[];
}

/** Returns what was used, in whole hours, by which key and at which price. */
export class UsageReader extends Composed<UsageReaderParts> {
  async read(principal: Principal, request: ReadUsage): Promise<Outcome<UsageReport>> {
    const scope = await this.#scope(principal, request);
    if (!scope.ok) return scope;
    const nowMs = this.parts.clock.nowMs();
    const { from = windowStartMs('month', nowMs) / 1000, to = nowMs / 1000 } = request;
    const period = wholeHours(from, to, 'usageDaysMax');
    if (!period.ok) return period;

    await this.parts.flush();
    const { organisationId, tenantId } = scope.value;
    const query = { ...period.value, groupBy: [...new Set(request.group_by)], ...(tenantId === undefined ? {} : { tenantId }) };
    const lines = await this.parts.lines(organisationId, query);
    return lines.ok ? ok({ ...period.value, lines: lines.value }) : lines;
  }

  async #scope(principal: Principal, request: ReadUsage): Promise<Outcome<{ organisationId: OrganisationId; tenantId?: TenantId }>> {
    if (request.organisation !== undefined) {
      if (principal.kind !== 'admin') return refuse('scope_denied', 'only the admin key may ask for an organisation', 'organisation');
      if (request.tenant === undefined) {
        const some = await this.parts.organisations.at(request.organisation).tenants(1, undefined);
        return some.ok ? ok({ organisationId: request.organisation }) : some;
      }
      if (organisationOf(request.tenant) !== request.organisation)
        return refuse('tenant_not_found', 'the organisation has no such tenant', 'tenant');
    }
    const subject = subjectOf(principal, request.tenant);
    if (!subject.ok) return subject;
    const organisationId = organisationOf(subject.value);
    const tenant = await this.parts.organisations.at(organisationId).tenant(subject.value);
    return tenant.ok ? ok({ organisationId, tenantId: subject.value }) : tenant;
  }
}
