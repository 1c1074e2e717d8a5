import * as z from 'zod';

import { name, owner, page, pageQuery, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { ADMIN, json, NO_BODY, tenantOrAdmin } from './endpoint.ts';
import { organisationId, projectId, tenantId } from './tenancy-ids.ts';

const organisation = z
  .object({ object: z.literal('organisation'), id: organisationId, name, owner, created_at: unixSeconds })
  .meta({ id: 'Organisation' });

const tenant = z
  .object({
    object: z.literal('tenant'),
    id: tenantId,
    organisation: organisationId,
    name,
    owner,
    default_project: projectId,
    created_at: unixSeconds,
  })
  .meta({ id: 'Tenant', description: 'A wall between data sets: nothing of one tenant is visible to another.' });

const project = z
  .object({ object: z.literal('project'), id: projectId, tenant: tenantId, name, owner, created_at: unixSeconds })
  .meta({ id: 'Project', description: 'A line on the bill inside a tenant.' });

const organisationParams = z.object({ organisation: organisationId });

const organisationCache = z
  .object({ object: z.literal('organisation.cache'), organisation: organisationId, shared: z.boolean() })
  .meta({ id: 'OrganisationCache' });

/** The tenant a call is about: the admin names it, a key has its own and needs not. */
export const subjectTenant = tenantId.optional().meta({ description: "The admin names the tenant; a tenant's key may only name its own." });

const TAG = 'Tenancy';

export const organisationEndpoints = {
  createOrganisation: {
    method: 'POST',
    path: '/v1/organisations',
    tag: TAG,
    summary: 'Create an organisation',
    access: ADMIN,
    meters: [],
    body: json(z.strictObject({ name, owner })),
    status: 201,
    reply: json(organisation),
    idempotent: true,
  },
  listOrganisations: {
    method: 'GET',
    path: '/v1/organisations',
    tag: TAG,
    summary: 'List organisations, oldest first',
    access: ADMIN,
    meters: [],
    query: pageQuery,
    body: NO_BODY,
    status: 200,
    reply: json(page(organisation)),
  },
  getOrganisationCache: {
    method: 'GET',
    path: '/v1/organisations/:organisation/cache',
    tag: TAG,
    summary: 'Whether the tenants of an organisation share one embedding cache',
    access: ADMIN,
    meters: [],
    params: organisationParams,
    body: NO_BODY,
    status: 200,
    reply: json(organisationCache),
  },
  setOrganisationCache: {
    method: 'PUT',
    path: '/v1/organisations/:organisation/cache',
    tag: TAG,
    summary: 'Let the tenants of an organisation share one embedding cache, or end that',
    description:
      'Never shared unless asked for: tenants that share can tell from `cache-status` whether another of them has embedded a text. ' +
      "Holds within a second. Vectors are shared, search results never; a purge by any of them takes from the shared cache and from the tenant's own.",
    access: ADMIN,
    meters: [],
    params: organisationParams,
    body: json(z.strictObject({ shared: z.boolean() })),
    status: 200,
    reply: json(organisationCache),
  },
  createTenant: {
    method: 'POST',
    path: '/v1/tenants',
    tag: TAG,
    summary: 'Create a tenant and its default project',
    access: ADMIN,
    meters: [],
    body: json(z.strictObject({ organisation: organisationId, name, owner })),
    status: 201,
    reply: json(tenant),
    idempotent: true,
  },
  listTenants: {
    method: 'GET',
    path: '/v1/tenants',
    tag: TAG,
    summary: 'List the tenants of an organisation, oldest first',
    access: ADMIN,
    meters: [],
    query: pageQuery.extend({ organisation: organisationId }),
    body: NO_BODY,
    status: 200,
    reply: json(page(tenant)),
  },
  createProject: {
    method: 'POST',
    path: '/v1/projects',
    tag: TAG,
    summary: 'Create a project',
    access: tenantOrAdmin('keys:write'),
    meters: [],
    body: json(z.strictObject({ tenant: subjectTenant, name, owner })),
    status: 201,
    reply: json(project),
    idempotent: true,
  },
  listProjects: {
    method: 'GET',
    path: '/v1/projects',
    tag: TAG,
    summary: 'List the projects of a tenant, oldest first',
    access: tenantOrAdmin('keys:write'),
    meters: [],
    query: pageQuery.extend({ tenant: subjectTenant }),
    body: NO_BODY,
    status: 200,
    reply: json(page(project)),
  },
} as const satisfies Record<string, Endpoint>;
