import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Principal } from '../../contract/principal.ts';
import { allows } from '../../contract/principal.ts';
import type { Scope } from '../../contract/scope.ts';
import type { KeyId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { formatApiKey, SECRET_BYTES } from '../../tenancy/keys/api-key.ts';
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
    const lacking = body.scopes.find((scope) => !allows(principal, scope));
    if (lacking !== undefined) return refuse('scope_denied', `a key without the scope "${lacking}" cannot grant it`, 'scopes');
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
        scopes: body.scopes,
        createdAtMs: this.#parts.clock.nowMs(),
        expiresAtMs: body.expires_at === null ? null : body.expires_at * 1000,
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

  /** Rotating answers a working secret: whoever may do so gets all scopes of the key. */
  async #escalation(principal: Principal, id: KeyId): Promise<Outcome<void>> {
    const found = await this.find(principal, id);
    if (!found.ok) return found;
    const lacking = found.value.scopes.find((scope) => !allows(principal, scope));
    return lacking === undefined ? ok(undefined) : refuse('scope_denied', `the key has the scope "${lacking}", which yours lacks`);
  }

  #storeOf(id: KeyId): OrganisationStore {
    return this.#parts.organisations.at(organisationOf(id));
  }
}

const tenantOf = (principal: Principal): TenantId | undefined => (principal.kind === 'tenant' ? principal.tenantId : undefined);
