import type { Erasure } from '../../../../src/gateway/tenancy/erasure/tenant-eraser.ts';
import { actorOf, subjectOf } from '../../../../src/gateway/tenancy/subject.ts';
import type { Organisation, Project, Tenant } from '../../../../src/tenancy/organisation.ts';
import { stateOf } from '../../../../src/tenancy/organisation.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { listed, pageOf, replied, seconds } from '../wire.ts';

export const organisationHandlers = {
  createOrganisation: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.tenancy.admin.createOrganisation(principal, body, idempotencyKey), organisationReply),
  listOrganisations: ({ gateway, query }) =>
    listed(gateway.tenancy.organisations.directory().page(query.limit, query.after), organisationReply),
  getOrganisationCache: ({ gateway, params }) => replied(gateway.tenancy.organisations.at(params.organisation).organisation(), cacheReply),
  setOrganisationCache: ({ gateway, principal, params, body }) =>
    replied(gateway.tenancy.organisations.at(params.organisation).shareCache(body.shared, actorOf(principal)), cacheReply),
  createTenant: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.tenancy.admin.createTenant(principal, body, idempotencyKey), tenantReply),
  listTenants: ({ gateway, query }) =>
    replied(gateway.tenancy.organisations.at(query.organisation).tenants(query.limit, query.after), pageOf(tenantReply)),
  getTenant: ({ gateway, params }) =>
    replied(gateway.tenancy.organisations.at(organisationOf(params.tenant)).tenant(params.tenant), tenantReply),
  suspendTenant: ({ gateway, principal, params }) => replied(gateway.suspension.set(principal, params.tenant, true), tenantReply),
  resumeTenant: ({ gateway, principal, params }) => replied(gateway.suspension.set(principal, params.tenant, false), tenantReply),
  eraseTenant: ({ gateway, principal, params }) => replied(gateway.eraser.erase(principal, params.tenant), erasureReply),
  verifyErasure: ({ gateway, params }) => replied(gateway.eraser.verify(params.tenant), erasureReply),
  listAudit: async ({ gateway, query }) => {
    const trail = await gateway.tenancy.organisations.at(query.organisation).audit(query.limit, query.before);
    if (!trail.ok) return trail;
    const data = trail.value.map(({ atMs, ...entry }) => ({ object: 'audit.entry' as const, at: seconds(atMs), ...entry }));
    return { ok: true, reply: { object: 'list' as const, data }, used: {} };
  },
  createProject: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.tenancy.admin.createProject(principal, body, idempotencyKey), projectReply),
  listProjects: async ({ gateway, principal, query }) => {
    const subject = subjectOf(principal, query.tenant);
    if (!subject.ok) return subject;
    const store = gateway.tenancy.organisations.at(organisationOf(subject.value));
    return replied(store.projects(subject.value, query.limit, query.after), pageOf(projectReply));
  },
} satisfies Partial<Handlers>;

const cacheReply = ({ id, cacheSharing }: Organisation) => ({
  object: 'organisation.cache' as const,
  organisation: id,
  shared: cacheSharing === 'on',
});

const organisationReply = ({ id, name, owner, createdAtMs }: Organisation) => ({
  object: 'organisation' as const,
  id,
  name,
  owner,
  created_at: seconds(createdAtMs),
});

const erasureReply = ({ tenant, remaining, isVerified, digest }: Erasure) => ({
  object: 'tenant.erasure' as const,
  tenant: tenant.id,
  state: stateOf(tenant),
  verified: isVerified,
  remaining: [...remaining],
  digest,
});

const tenantReply = ({ id, organisationId, name, owner, defaultProjectId, createdAtMs, state = 'active' }: Tenant) => ({
  object: 'tenant' as const,
  id,
  organisation: organisationId,
  name,
  owner,
  default_project: defaultProjectId,
  state,
  created_at: seconds(createdAtMs),
});

const projectReply = ({ id, tenantId, name, owner, createdAtMs }: Project) => ({
  object: 'project' as const,
  id,
  tenant: tenantId,
  name,
  owner,
  created_at: seconds(createdAtMs),
});
