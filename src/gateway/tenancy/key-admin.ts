import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Principal, Scope, TenantPrincipal } from '../../contract/api/principal.ts';
import type { KeyId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { formatApiKey, SECRET_BYTES } from '../../tenancy/keys/api-key.ts';
import type { KeyBounds } from '../../tenancy/keys/key-bounds.ts';
import { kindOf, strongerIn } from '../../tenancy/keys/key-bounds.ts';
import type { KeyRecord, Revoked } from '../../tenancy/keys/key-record.ts';
import type { PageOf } from '../../kernel/page.ts';
import { KEY_CHARS, keyId, organisationOf } from '../../tenancy/resource-ids.ts';
import { entropyFor } from './entropy.ts';
import type { OrganisationStore } from './organisation-store.ts';
import { actorOf, ownerFor, subjectOf } from './subject.ts';
import type { TenancyParts } from './tenancy-admin.ts';
import { ticket } from './tenancy-admin.ts';

export interface CreateKey {
  readonly tenant?: TenantId | undefined;
  readonly project?: ProjectId | undefined;
  readonly name: string;
  readonly owner?: string | undefined;
  readonly scopes: readonly Scope[];
  readonly expires_at: number | null;
  readonly addresses: readonly string[] | null;
  readonly origins: readonly string[] | null;
  readonly resources: readonly string[] | null;
  readonly labels: readonly string[] | null;
}

/** Characters of a rotation's nonce, 5 bits each: two never meet. */
const NONCE_CHARS = 26;

/** A key together with its secret, which exists in this answer alone. */
export interface KeyWithSecret {
  readonly record: KeyRecord;
  readonly apiKey: string;
}

/** Creates, rotates and revokes API keys. A tenant's key manages keys of its own tenant and grants no scope it lacks. */
export class KeyAdmin {
  readonly #parts: TenancyParts;
  readonly #onChange: (id: KeyId) => void;

  /** `onChange` runs once a key has changed, so that caches of it can drop it. */
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
        owner: body.owner ?? ownerFor(principal, tenant.value.owner),
        ...bounds.value,
        ...(principal.kind === 'tenant' ? { lineage: lineageUnder(principal) } : {}),
        createdAtMs: this.#parts.clock.nowMs(),
        mac: await this.#parts.hmac.hex(apiKey),
      },
      await ticket(principal, 'key.create', body),
    );
    return added.ok ? ok({ record: added.value, apiKey }) : added;
  }

  async rotate(principal: Principal, id: KeyId, graceMs: number, idempotencyKey: string | undefined): Promise<Outcome<KeyWithSecret>> {
    const { rng, hmac } = this.#parts;
    const rotatable = await this.#changeable(principal, id, 'rotate');
    if (!rotatable.ok) return rotatable;
    const nonce = base32(rng.bytes(NONCE_CHARS));
    const apiKey = await this.#rotatedSecret(id, nonce, idempotencyKey);
    const receiptId = idempotencyKey === undefined ? null : `rot_${await hmac.hex(JSON.stringify(['rotation', id, idempotencyKey]))}`;
    const secret = { mac: await hmac.hex(apiKey), graceMs, nonce, receiptId };
    const asked = await ticket(principal, 'key.rotate', { id, graceMs });
    const rotated = await this.#storeOf(id).rotateKey(id, tenantOf(principal), secret, asked);
    this.#onChange(id);
    if (!rotated.ok) return rotated;
    const { record, nonce: first } = rotated.value;
    return ok({ record, apiKey: first === nonce ? apiKey : await this.#rotatedSecret(id, first, idempotencyKey) });
  }

  /** `withDescendants`: with all keys that descend from it. */
  async revoke(principal: Principal, id: KeyId, withDescendants: boolean): Promise<Outcome<Revoked>> {
    const revocable = await this.#changeable(principal, id, 'revoke');
    if (!revocable.ok) return revocable;
    const revoked = await this.#storeOf(id).revokeKey(id, tenantOf(principal), withDescendants, actorOf(principal));
    for (const gone of revoked.ok ? [id, ...revoked.value.descendants] : [id]) this.#onChange(gone);
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

  /**
   * A key changes none that reaches further than itself (T63). Rotating answers a working secret: so a key may rotate only itself and keys that it made,
   * which counts for it.
   */
  async #changeable(principal: Principal, id: KeyId, change: 'rotate' | 'revoke'): Promise<Outcome<void>> {
    const found = await this.find(principal, id);
    if (!found.ok || principal.kind === 'admin' || id === principal.keyId) return found.ok ? ok(undefined) : found;
    const field = strongerIn(boundsOfRecord(found.value), boundsOf(principal));
    if (field !== undefined)
      return refuse('scope_denied', `${field}: a key cannot ${change} a key that reaches further than itself`, 'key');
    if (change === 'revoke' || found.value.lineage?.includes(principal.keyId) === true) return ok(undefined);
    return refuse('scope_denied', 'a key may rotate only itself and keys that it made', 'key');
  }

  /**
   * With an idempotency key the secret follows from it and the nonce of the first request, which the organisation keeps: so a repetition
   * answers the same, and once the first is forgotten a late one makes a new secret instead of bringing the old one back.
   */
  async #rotatedSecret(id: KeyId, nonce: string, idempotencyKey: string | undefined): Promise<string> {
    const entropy = entropyFor(this.#parts.rng, this.#parts.hmac, `rotate:${id}:${nonce}`, idempotencyKey);
    return formatApiKey(id, await entropy.bytes('secret', SECRET_BYTES));
  }

  #storeOf(id: KeyId): OrganisationStore {
    return this.#parts.organisations.at(organisationOf(id));
  }
}

const tenantOf = (principal: Principal): TenantId | undefined => (principal.kind === 'tenant' ? principal.tenantId : undefined);

const boundsOf = ({ scopes, expiresAtMs, addresses, origins, resources, labels }: TenantPrincipal): KeyBounds => ({
  scopes,
  expiresAtMs: expiresAtMs ?? null,
  addresses: addresses ?? null,
  origins: origins ?? null,
  resources: resources ?? null,
  labels: labels ?? null,
});

const boundsOfRecord = ({
  scopes,
  expiresAtMs,
  addresses = null,
  origins = null,
  resources = null,
  labels = null,
}: KeyRecord): KeyBounds => ({
  scopes,
  expiresAtMs,
  addresses,
  origins,
  resources,
  labels,
});

/** The bounds of a new key: the maker's own, where the body has none; nothing that reaches further. */
function boundsFor(principal: Principal, body: CreateKey): Outcome<KeyBounds> {
  const expiresAtMs = body.expires_at === null ? null : body.expires_at * 1000;
  const { scopes, addresses, origins, resources, labels } = body;
  const asked: KeyBounds = { scopes, expiresAtMs, addresses, origins, resources, labels };
  if (principal.kind === 'admin') return ok(asked);
  const maker = boundsOf(principal);
  const { lineage = [] } = principal;
  const makers = lineage.filter((id) => id.startsWith('key_')).length + 1;
  if (makers > TENANCY_LIMITS.keyLineageMaxCount) {
    return refuseBeyond({ limit: 'keyLineageMaxCount', value: makers, what: `${makers} keys would have created one another in a chain` });
  }
  const bounds: KeyBounds = {
    scopes: asked.scopes,
    expiresAtMs: asked.expiresAtMs ?? maker.expiresAtMs,
    addresses: asked.addresses ?? maker.addresses,
    origins: asked.origins ?? maker.origins,
    resources: passedOn(asked.resources, maker.resources),
    labels: asked.labels ?? maker.labels,
  };
  const field = strongerIn(bounds, maker);
  return field === undefined
    ? ok(bounds)
    : refuse('scope_denied', `${field}: a key cannot make a key that reaches further than itself`, field);
}

/** The patterns that were requested, and the maker's own for the kinds that were not. */
function passedOn(asked: readonly string[] | null, own: readonly string[] | null): readonly string[] | null {
  const kinds = new Set((asked ?? []).map(kindOf));
  const passed = [...(asked ?? []), ...(own ?? []).filter((pattern) => !kinds.has(kindOf(pattern)))];
  return passed.length === 0 ? null : passed;
}

const lineageUnder = ({ lineage = [], projectId, keyId: maker }: TenantPrincipal): (ProjectId | KeyId)[] => [
  ...new Set([...lineage, projectId, maker]),
];
