import type { Outcome } from '../../../src/contract/outcome.ts';
import type { Erasure } from '../../../src/gateway/tenancy/tenant-eraser.ts';
import { actorOf, subjectOf } from '../../../src/gateway/tenancy/subject.ts';
import type { Organisation, Project, Tenant } from '../../../src/tenancy/organisation.ts';
import { stateOf } from '../../../src/tenancy/organisation.ts';
import { organisationOf } from '../../../src/tenancy/resource-ids.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const organisationHandlers = {
  createOrganisation: async ({ gateway, principal, body, idempotencyKey }) => {
    const created = await gateway.tenancy.admin.createOrganisation(principal, body, idempotencyKey);
    return created.ok ? { ok: true, reply: organisationReply(created.value), used: {} } : created;
  },
  listOrganisations: async ({ gateway, query }) => {
    const page = await gateway.tenancy.organisations.directory().page(query.limit, query.after);
    return { ok: true, reply: pageReply(page, organisationReply), used: {} };
  },
  getOrganisationCache: async ({ gateway, params }) => {
    const found = await gateway.tenancy.organisations.at(params.organisation).organisation();
    return found.ok ? { ok: true, reply: cacheReply(found.value), used: {} } : found;
  },
  setOrganisationCache: async ({ gateway, principal, params, body }) => {
    const changed = await gateway.tenancy.organisations.at(params.organisation).shareCache(body.shared, actorOf(principal));
    return changed.ok ? { ok: true, reply: cacheReply(changed.value), used: {} } : changed;
  },
  createTenant: async ({ gateway, principal, body, idempotencyKey }) => {
    const created = await gateway.tenancy.admin.createTenant(principal, body, idempotencyKey);
    return created.ok ? { ok: true, reply: tenantReply(created.value), used: {} } : created;
  },
  listTenants: async ({ gateway, query }) => {
    const page = await gateway.tenancy.organisations.at(query.organisation).tenants(query.limit, query.after);
    return page.ok ? { ok: true, reply: pageReply(page.value, tenantReply), used: {} } : page;
  },
  getTenant: async ({ gateway, params }) =>
    tenantAnswer(await gateway.tenancy.organisations.at(organisationOf(params.tenant)).tenant(params.tenant)),
  suspendTenant: async ({ gateway, principal, params }) => tenantAnswer(await gateway.suspension.set(principal, params.tenant, true)),
  resumeTenant: async ({ gateway, principal, params }) => tenantAnswer(await gateway.suspension.set(principal, params.tenant, false)),
  eraseTenant: async ({ gateway, principal, params }) => {
    const erased = await gateway.eraser.erase(principal, params.tenant);
    return erased.ok ? { ok: true, reply: erasureReply(erased.value), used: {} } : erased;
  },
  verifyErasure: async ({ gateway, params }) => {
    const found = await gateway.eraser.verify(params.tenant);
    return found.ok ? { ok: true, reply: erasureReply(found.value), used: {} } : found;
  },
  listAudit: async ({ gateway, query }) => {
    const trail = await gateway.tenancy.organisations.at(query.organisation).audit(query.limit, query.before);
    if (!trail.ok) return trail;
    const data = trail.value.map(({ atMs, ...entry }) => ({ object: 'audit.entry' as const, at: seconds(atMs), ...entry }));
    return { ok: true, reply: { object: 'list' as const, data }, used: {} };
  },
  createProject: async ({ gateway, principal, body, idempotencyKey }) => {
    const created = await gateway.tenancy.admin.createProject(principal, body, idempotencyKey);
    return created.ok ? { ok: true, reply: projectReply(created.value), used: {} } : created;
  },
  listProjects: async ({ gateway, principal, query }) => {
    const subject = subjectOf(principal, query.tenant);
    if (!subject.ok) return subject;
    const store = gateway.tenancy.organisations.at(organisationOf(subject.value));
    const page = await store.projects(subject.value, query.limit, query.after);
    return page.ok ? { ok: true, reply: pageReply(page.value, projectReply), used: {} } : page;
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

const tenantAnswer = (tenant: Outcome<Tenant>) =>
  tenant.ok ? ({ ok: true, reply: tenantReply(tenant.value), used: {} } as const) : tenant;

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
