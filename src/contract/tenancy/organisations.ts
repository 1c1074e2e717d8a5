import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import {
  name,
  organisationId,
  owner,
  ownerOrCallers,
  page,
  pageQuery,
  projectId,
  tenantId,
  unixSeconds,
  pageLimit,
} from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { ADMIN, call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { wholeText } from '../api/text-number.ts';

const organisation = named('Organisation', {
  object: z.literal('organisation'),
  id: organisationId,
  name,
  owner,
  created_at: unixSeconds,
});

const tenantState = z.enum(['active', 'suspended', 'erasing', 'erased']);

const tenant = z
  .object({
    object: z.literal('tenant'),
    id: tenantId,
    organisation: organisationId,
    name,
    owner,
    default_project: projectId,
    state: tenantState,
    created_at: unixSeconds,
  })
  .meta({ id: 'Tenant', description: 'A wall between data sets: nothing of one tenant is visible to another.' });

const erasure = named('TenantErasure', {
  object: z.literal('tenant.erasure'),
  tenant: tenantId,
  state: tenantState,
  verified: z.boolean().meta(about('Whether nothing is left, as counted for this answer.')),
  remaining: z.array(z.object({ what: z.string(), count: z.int().min(0) })),
  digest: z.string().meta(about('SHA-256 of the tenant, its state and what remains.')),
});

const auditEntry = named('AuditEntry', {
  object: z.literal('audit.entry'),
  position: z.int(),
  at: unixSeconds,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
});

const tenantParams = z.object({ tenant: tenantId });

const project = z
  .object({ object: z.literal('project'), id: projectId, tenant: tenantId, name, owner, created_at: unixSeconds })
  .meta({ id: 'Project', description: 'A line on the bill inside a tenant.' });

const organisationParams = z.object({ organisation: organisationId });

const organisationCache = named('OrganisationCache', {
  object: z.literal('organisation.cache'),
  organisation: organisationId,
  shared: z.boolean(),
});

/** The tenant a call is about: the admin names it, a key has its own and needs not. */
export const subjectTenant = tenantId.optional().meta(about("The admin names the tenant; a tenant's key may only name its own."));

const common = { tag: 'Tenancy', access: ADMIN, meters: [], status: 200 } as const;

export const organisationEndpoints = {
  createOrganisation: {
    ...common,
    ...call('POST', '/v1/organisations', json(z.strictObject({ name, owner: ownerOrCallers }))),
    summary: 'Create an organisation',
    status: 201,
    reply: json(organisation),
    idempotent: true,
  },
  listOrganisations: {
    ...common,
    ...call('GET', '/v1/organisations'),
    summary: 'List organisations, oldest first',
    query: pageQuery,
    reply: json(page(organisation)),
  },
  getOrganisationCache: {
    ...common,
    ...call('GET', '/v1/organisations/:organisation/cache'),
    summary: 'Whether the tenants of an organisation share one embedding cache',
    params: organisationParams,
    reply: json(organisationCache),
  },
  setOrganisationCache: {
    ...common,
    ...call('PUT', '/v1/organisations/:organisation/cache', json(z.strictObject({ shared: z.boolean() }))),
    summary: 'Let the tenants of an organisation share one embedding cache, or end that',
    description:
      'Never shared unless asked for: tenants that share can see in `cache-status` whether another of them has embedded a text. ' +
      "Holds within a second. Vectors are shared, search results never; a purge by any of them takes from the shared cache and from the tenant's own.",
    params: organisationParams,
    reply: json(organisationCache),
  },
  createTenant: {
    ...common,
    ...call('POST', '/v1/tenants', json(z.strictObject({ organisation: organisationId, name, owner: ownerOrCallers }))),
    summary: 'Create a tenant and its default project',
    status: 201,
    reply: json(tenant),
    idempotent: true,
  },
  listTenants: {
    ...common,
    ...call('GET', '/v1/tenants'),
    summary: 'List the tenants of an organisation, oldest first',
    query: pageQuery.extend({ organisation: organisationId }),
    reply: json(page(tenant)),
  },
  getTenant: {
    ...common,
    ...call('GET', '/v1/tenants/:tenant'),
    summary: 'A tenant and its state',
    params: tenantParams,
    reply: json(tenant),
  },
  suspendTenant: {
    ...common,
    ...call('POST', '/v1/tenants/:tenant/suspend'),
    summary: 'Suspend a tenant: its keys stop within a second, everything stays',
    params: tenantParams,
    reply: json(tenant),
  },
  resumeTenant: {
    ...common,
    ...call('POST', '/v1/tenants/:tenant/resume'),
    summary: 'End the suspension of a tenant',
    params: tenantParams,
    reply: json(tenant),
  },
  eraseTenant: {
    ...common,
    ...call('POST', '/v1/tenants/:tenant/erase'),
    summary: 'Erase a tenant and everything it has, for good',
    description:
      'Its keys stop first. What is left is counted for the answer; call it again until `state` is `erased`. Its id stays, with its usage: bills are kept.',
    params: tenantParams,
    reply: json(erasure),
  },
  verifyErasure: {
    ...common,
    ...call('GET', '/v1/tenants/:tenant/erasure'),
    summary: 'Count what there is of a tenant, kind by kind',
    params: tenantParams,
    reply: json(erasure),
  },
  listAudit: {
    ...common,
    ...call('GET', '/v1/audit'),
    summary: 'The audit trail of an organisation, newest first',
    query: z.strictObject({
      organisation: organisationId,
      limit: pageLimit,
      before: wholeText(1).optional().meta(about('The `position` of the last entry of the page before.')),
    }),
    reply: json(z.object({ object: z.literal('list'), data: z.array(auditEntry) })),
  },
  createProject: {
    ...common,
    ...call('POST', '/v1/projects', json(z.strictObject({ tenant: subjectTenant, name, owner: ownerOrCallers }))),
    summary: 'Create a project',
    access: tenantOrAdmin('keys:write'),
    status: 201,
    reply: json(project),
    idempotent: true,
  },
  listProjects: {
    ...common,
    ...call('GET', '/v1/projects'),
    summary: 'List the projects of a tenant, oldest first',
    access: tenantOrAdmin('keys:write'),
    query: pageQuery.extend({ tenant: subjectTenant }),
    reply: json(page(project)),
  },
} as const satisfies Record<string, Endpoint>;
