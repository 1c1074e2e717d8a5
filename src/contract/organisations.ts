import * as z from 'zod';

import { about, apiNamed, apiObject, apiOnly, apiText } from './api-text.ts';
import { name, organisationId, owner, ownerOrCallers, page, pageQuery, projectId, tenantId, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { ADMIN, call, json, tenantOrAdmin } from './endpoint.ts';
import { LIMITS } from './limits.ts';

const organisation = apiOnly(() =>
  z.object({ object: z.literal('organisation'), id: organisationId, name, owner, created_at: unixSeconds }).meta({ id: 'Organisation' }),
);

const tenantState = apiOnly(() => z.enum(['active', 'suspended', 'erasing', 'erased']));

const tenant = apiOnly(() =>
  z
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
    .meta(apiText({ id: 'Tenant', description: apiText('A wall between data sets: nothing of one tenant is visible to another.') })),
);

const erasure = apiOnly(() =>
  z
    .object({
      object: z.literal('tenant.erasure'),
      tenant: tenantId,
      state: tenantState,
      verified: z.boolean().meta(about('Whether nothing is left, as counted for this answer.')),
      remaining: z.array(z.object({ what: z.string(), count: z.int().min(0) })),
      digest: z.string().meta(about('SHA-256 of the tenant, its state and what remains.')),
    })
    .meta({ id: 'TenantErasure' }),
);

const auditEntry = apiNamed('AuditEntry', () => ({
  object: z.literal('audit.entry'),
  position: z.int(),
  at: unixSeconds,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
}));

const tenantParams = z.object({ tenant: tenantId });

const project = apiOnly(() =>
  z
    .object({ object: z.literal('project'), id: projectId, tenant: tenantId, name, owner, created_at: unixSeconds })
    .meta(apiText({ id: 'Project', description: apiText('A line on the bill inside a tenant.') })),
);

const organisationParams = z.object({ organisation: organisationId });

const organisationCache = apiOnly(() =>
  z
    .object({ object: z.literal('organisation.cache'), organisation: organisationId, shared: z.boolean() })
    .meta({ id: 'OrganisationCache' }),
);

/** The tenant a call is about: the admin names it, a key has its own and needs not. */
export const subjectTenant = tenantId.optional().meta(about("The admin names the tenant; a tenant's key may only name its own."));

const TAG = 'Tenancy';

export const organisationEndpoints = {
  createOrganisation: {
    ...call('POST', '/v1/organisations', json(z.strictObject({ name, owner: ownerOrCallers }))),
    tag: TAG,
    summary: apiText('Create an organisation'),
    access: ADMIN,
    meters: [],
    status: 201,
    reply: json(organisation),
    idempotent: true,
  },
  listOrganisations: {
    ...call('GET', '/v1/organisations'),
    tag: TAG,
    summary: apiText('List organisations, oldest first'),
    access: ADMIN,
    meters: [],
    query: pageQuery,
    status: 200,
    reply: json(apiOnly(() => page(organisation))),
  },
  getOrganisationCache: {
    ...call('GET', '/v1/organisations/:organisation/cache'),
    tag: TAG,
    summary: apiText('Whether the tenants of an organisation share one embedding cache'),
    access: ADMIN,
    meters: [],
    params: organisationParams,
    status: 200,
    reply: json(organisationCache),
  },
  setOrganisationCache: {
    ...call('PUT', '/v1/organisations/:organisation/cache', json(z.strictObject({ shared: z.boolean() }))),
    tag: TAG,
    summary: apiText('Let the tenants of an organisation share one embedding cache, or end that'),
    description: apiText(
      'Never shared unless asked for: tenants that share can see in `cache-status` whether another of them has embedded a text. ' +
        "Holds within a second. Vectors are shared, search results never; a purge by any of them takes from the shared cache and from the tenant's own.",
    ),
    access: ADMIN,
    meters: [],
    params: organisationParams,
    status: 200,
    reply: json(organisationCache),
  },
  createTenant: {
    ...call('POST', '/v1/tenants', json(z.strictObject({ organisation: organisationId, name, owner: ownerOrCallers }))),
    tag: TAG,
    summary: apiText('Create a tenant and its default project'),
    access: ADMIN,
    meters: [],
    status: 201,
    reply: json(tenant),
    idempotent: true,
  },
  listTenants: {
    ...call('GET', '/v1/tenants'),
    tag: TAG,
    summary: apiText('List the tenants of an organisation, oldest first'),
    access: ADMIN,
    meters: [],
    query: pageQuery.extend({ organisation: organisationId }),
    status: 200,
    reply: json(apiOnly(() => page(tenant))),
  },
  getTenant: {
    ...call('GET', '/v1/tenants/:tenant'),
    tag: TAG,
    summary: apiText('A tenant and its state'),
    access: ADMIN,
    meters: [],
    params: tenantParams,
    status: 200,
    reply: json(tenant),
  },
  suspendTenant: {
    ...call('POST', '/v1/tenants/:tenant/suspend'),
    tag: TAG,
    summary: apiText('Suspend a tenant: its keys stop within a second, everything stays'),
    access: ADMIN,
    meters: [],
    params: tenantParams,
    status: 200,
    reply: json(tenant),
  },
  resumeTenant: {
    ...call('POST', '/v1/tenants/:tenant/resume'),
    tag: TAG,
    summary: apiText('End the suspension of a tenant'),
    access: ADMIN,
    meters: [],
    params: tenantParams,
    status: 200,
    reply: json(tenant),
  },
  eraseTenant: {
    ...call('POST', '/v1/tenants/:tenant/erase'),
    tag: TAG,
    summary: apiText('Erase a tenant and everything it has, for good'),
    description: apiText(
      'Its keys stop first. What is left is counted for the answer; call it again until `state` is `erased`. Its id stays, with its usage: bills are kept.',
    ),
    access: ADMIN,
    meters: [],
    params: tenantParams,
    status: 200,
    reply: json(erasure),
  },
  verifyErasure: {
    ...call('GET', '/v1/tenants/:tenant/erasure'),
    tag: TAG,
    summary: apiText('Count what there is of a tenant, kind by kind'),
    access: ADMIN,
    meters: [],
    params: tenantParams,
    status: 200,
    reply: json(erasure),
  },
  listAudit: {
    ...call('GET', '/v1/audit'),
    tag: TAG,
    summary: apiText('The audit trail of an organisation, newest first'),
    access: ADMIN,
    meters: [],
    query: z.strictObject({
      organisation: organisationId,
      limit: z.coerce.number().int().min(1).max(LIMITS.pageMaxCount).default(LIMITS.pageDefaultCount),
      before: z.coerce.number().int().min(1).optional().meta(about('The `position` of the last entry of the page before.')),
    }),
    status: 200,
    reply: json(apiObject(() => ({ object: z.literal('list'), data: z.array(auditEntry) }))),
  },
  createProject: {
    ...call('POST', '/v1/projects', json(z.strictObject({ tenant: subjectTenant, name, owner: ownerOrCallers }))),
    tag: TAG,
    summary: apiText('Create a project'),
    access: tenantOrAdmin('keys:write'),
    meters: [],
    status: 201,
    reply: json(project),
    idempotent: true,
  },
  listProjects: {
    ...call('GET', '/v1/projects'),
    tag: TAG,
    summary: apiText('List the projects of a tenant, oldest first'),
    access: tenantOrAdmin('keys:write'),
    meters: [],
    query: pageQuery.extend({ tenant: subjectTenant }),
    status: 200,
    reply: json(apiOnly(() => page(project))),
  },
} as const satisfies Record<string, Endpoint>;
