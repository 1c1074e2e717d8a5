import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Principal, TenantPrincipal } from '../../contract/principal.ts';
import type { Scope } from '../../contract/scope.ts';
import type { KeyId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { formatApiKey, SECRET_BYTES } from '../../tenancy/keys/api-key.ts';
import type { KeyBounds } from '../../tenancy/keys/key-bounds.ts';
import { kindOf, strongerIn } from '../../tenancy/keys/key-bounds.ts';
import type { KeyRecord } from '../../tenancy/keys/key-record.ts';
import type { PageOf } from '../../tenancy/page-of.ts';
import { KEY_CHARS, keyId, organisationOf } from '../../tenancy/resource-ids.ts';
import { entropyFor } from './entropy.ts';
import type { OrganisationStore } from './organisation-store.ts';
import { actorOf, subjectOf } from './subject.ts';
import type { TenancyParts } from './tenancy-admin.ts';
import { ticket } from './tenancy-admin.ts';

export interface CreateKey {
  readonly tenant?: TenantId | undefined;
  readonly project?: ProjectId | undefined;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  readonly expires_at: number | null;
  readonly addresses: readonly string[] | null;
  readonly resources: readonly string[] | null;
}

/** A key together with its secret, which exists in this answer alone. */
export interface KeyWithSecret {
  readonly record: KeyRecord;
  readonly apiKey: string;
}

/** Creates, rotates and revokes API keys. A tenant's key manages keys of its own tenant and grants no scope it lacks. */
export class KeyAdmin {
  readonly #parts: TenancyParts;
  readonly #onChange: (id: KeyId) => void;

  /** `onChange` runs once a key has changed, so that whoever remembers it can forget it. */
  constructor(parts: TenancyParts, onChange: (id: KeyId) => void) {
    this.#parts = parts;
    this.#onChange = onChange;
  }

  async create(principal: Principal, body: CreateKey, idempotencyKey: string | undefined): Promise<Outcome<KeyWithSecret>> {
    const bounds = boundsFor(principal, body);
    if (!bounds.ok) return bounds;
    const subject = subjectOf(principal, body.tenant);
    if (!subject.ok) return subject;
    const organisation = organisationOf(subject.value);
    const store = this.#parts.organisations.at(organisation);
    const tenant = await store.tenant(subject.value);
    if (!tenant.ok) return tenant;

    const entropy = entropyFor(this.#parts.rng, this.#parts.hmac, `key:${subject.value}`, idempotencyKey);
    const id = keyId(organisation, await entropy.bytes('id', KEY_CHARS));
    const apiKey = formatApiKey(id, await entropy.bytes('secret', SECRET_BYTES));
    const added = await store.addKey(
      {
        id,
        organisationId: organisation,
        tenantId: subject.value,
        projectId: body.project ?? tenant.value.defaultProjectId,
        name: body.name,
        owner: body.owner,
        ...bounds.value,
        ...(principal.kind === 'tenant' ? { lineage: lineageUnder(principal) } : {}),
        createdAtMs: this.#parts.clock.nowMs(),
        mac: await this.#parts.hmac.hex(apiKey),
      },
      await ticket(principal, body),
    );
    return added.ok ? ok({ record: added.value, apiKey }) : added;
  }

  async rotate(principal: Principal, id: KeyId, graceMs: number, idempotencyKey: string | undefined): Promise<Outcome<KeyWithSecret>> {
    const entropy = entropyFor(this.#parts.rng, this.#parts.hmac, `rotate:${id}`, idempotencyKey);
    const apiKey = formatApiKey(id, await entropy.bytes('secret', SECRET_BYTES));
    const mac = await this.#parts.hmac.hex(apiKey);
    const escalation = await this.#escalation(principal, id);
    if (!escalation.ok) return escalation;
    const rotated = await this.#storeOf(id).rotateKey(id, tenantOf(principal), mac, graceMs, actorOf(principal));
    this.#onChange(id);
    return rotated.ok ? ok({ record: rotated.value, apiKey }) : rotated;
  }

  async revoke(principal: Principal, id: KeyId): Promise<Outcome<KeyRecord>> {
    const revoked = await this.#storeOf(id).revokeKey(id, tenantOf(principal), actorOf(principal));
    this.#onChange(id);
    return revoked;
  }

  find(principal: Principal, id: KeyId): Promise<Outcome<KeyRecord>> {
    return this.#storeOf(id).key(id, tenantOf(principal));
  }

  async list(
    principal: Principal,
    tenant: TenantId | undefined,
    limit: number,
    after: string | undefined,
  ): Promise<Outcome<PageOf<KeyRecord>>> {
    const subject = subjectOf(principal, tenant);
    return subject.ok ? this.#parts.organisations.at(organisationOf(subject.value)).keys(subject.value, limit, after) : subject;
  }

  /** Rotating answers a working secret: a key gets its own, and those of what it made, which reach no further and count for it. */
  async #escalation(principal: Principal, id: KeyId): Promise<Outcome<void>> {
    const found = await this.find(principal, id);
    if (!found.ok || principal.kind === 'admin' || id === principal.keyId) return found.ok ? ok(undefined) : found;
    if (found.value.lineage?.includes(principal.keyId) === true) return ok(undefined);
    return refuse('scope_denied', 'a key rotates itself and what it made');
  }

  #storeOf(id: KeyId): OrganisationStore {
    return this.#parts.organisations.at(organisationOf(id));
  }
}

const tenantOf = (principal: Principal): TenantId | undefined => (principal.kind === 'tenant' ? principal.tenantId : undefined);

/** The bounds of a new key: the maker's own, where the body says nothing; nothing that reaches further. */
function boundsFor(principal: Principal, body: CreateKey): Outcome<KeyBounds> {
  const expiresAtMs = body.expires_at === null ? null : body.expires_at * 1000;
  const asked: KeyBounds = { scopes: body.scopes, expiresAtMs, addresses: body.addresses, resources: body.resources };
  if (principal.kind === 'admin') return ok(asked);
  const { scopes, expiresAtMs: endsMs = null, addresses = null, resources = null, lineage = [] } = principal;
  const countMax = LIMITS.keyLineageMaxCount;
  if (lineage.filter((id) => id.startsWith('key_')).length >= countMax) {
    return refuse('limit_exceeded', `keys may make one another keyLineageMaxCount (${countMax}) times`);
  }
  const maker: KeyBounds = { scopes, expiresAtMs: endsMs, addresses, resources };
  const bounds: KeyBounds = {
    scopes: asked.scopes,
    expiresAtMs: asked.expiresAtMs ?? endsMs,
    addresses: asked.addresses ?? addresses,
    resources: passedOn(asked.resources, resources),
  };
  const field = strongerIn(bounds, maker);
  return field === undefined
    ? ok(bounds)
    : refuse('scope_denied', `${field}: a key cannot make one that reaches further than itself`, field);
}

/** What was asked for, and the maker's own patterns of those kinds that were not. */
function passedOn(asked: readonly string[] | null, own: readonly string[] | null): readonly string[] | null {
  const kinds = new Set((asked ?? []).map(kindOf));
  const passed = [...(asked ?? []), ...(own ?? []).filter((pattern) => !kinds.has(kindOf(pattern)))];
  return passed.length === 0 ? null : passed;
}

const lineageUnder = ({ lineage = [], projectId, keyId: maker }: TenantPrincipal): (ProjectId | KeyId)[] => [
  ...new Set([...lineage, projectId, maker]),
];
