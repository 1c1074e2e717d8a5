import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyRecord, NewKey, NewSecret, Revoked, Rotated, RotationReceipt } from './key-record.ts';
import { issue, revoke, rotate, whileCurrent } from './key-record.ts';
import type { Actor, Ticket } from '../organisation.ts';
import type { OrganisationRecords } from '../organisation-records.ts';

/** What becomes of the keys of one organisation. Every change is one transaction with its lines of the trail. */
export class OrganisationKeys {
  readonly #records: OrganisationRecords;

  constructor(records: OrganisationRecords) {
    this.#records = records;
  }

  /** Refuses with `project_not_found` when the project is not the tenant's, or with `idempotency_key_spent` a repetition whose key is dead. */
  add(key: NewKey, { actor, digest }: Ticket): Outcome<KeyRecord> {
    return this.#records.insideLasting(key.tenantId, actor, () => {
      if (!this.#records.project(key.projectId, key.tenantId).ok) {
        return refuse('project_not_found', 'the tenant has no such project', 'project');
      }
      // Names of keys need not be unique: two may be called "ci".
      const document = { id: key.id, parent: key.tenantId, name: key.id, digest, body: issue(key) };
      const added = this.#records.documents.create('key', document, 'keysPerTenantMaxCount', actor);
      return added.ok && added.value !== document.body ? whileCurrent(added.value, key.mac, this.#records.clock.nowMs()) : added;
    });
  }

  /** Refuses with `idempotency_mismatch`, or with `idempotency_key_spent` what would bring back a secret that is dead or replaced (T61). */
  rotate(found: Outcome<KeyRecord>, { mac, graceMs, nonce, receiptId }: NewSecret, { actor, digest }: Ticket): Outcome<Rotated> {
    if (!found.ok) return found;
    const { documents } = this.#records;
    const { tenantId } = found.value;
    return this.#records.acting(actor, () => {
      const nowMs = this.#records.clock.nowMs();
      const known = receiptId === null ? ok(undefined) : documents.known('rotation', receiptId, digest);
      if (!known.ok) return known;
      if (known.value !== undefined) {
        const current = whileCurrent(found.value, known.value.mac, nowMs);
        return current.ok ? ok({ record: current.value, nonce: known.value.nonce }) : current;
      }
      const rotated = rotate(found.value, mac, graceMs, nowMs);
      if (!rotated.ok) return rotated;
      documents.change('key', rotated.value, actor, 'rotate');
      if (receiptId !== null) this.#remember({ id: receiptId, nonce, mac }, tenantId, digest);
      return ok({ record: rotated.value, nonce });
    });
  }

  revoke(found: Outcome<KeyRecord>, withDescendants: boolean, actor: Actor): Outcome<Revoked> {
    if (!found.ok) return found;
    const { documents } = this.#records;
    const { id, tenantId } = found.value;
    return this.#records.acting(actor, () => {
      const nowMs = this.#records.clock.nowMs();
      const all = withDescendants ? documents.page('key', tenantId, TENANCY_LIMITS.keysPerTenantMaxCount, undefined).items : [];
      const descendants = all.filter(({ lineage }) => lineage?.includes(id));
      const [record] = [found.value, ...descendants].map((key) => this.#revoke(key, nowMs, actor));
      return ok({ record: record ?? found.value, descendants: descendants.map((key) => key.id) });
    });
  }

  #remember(receipt: RotationReceipt, tenantId: TenantId, digest: string): void {
    const { documents } = this.#records;
    documents.keepNewest('rotation', tenantId, TENANCY_LIMITS.rotationReceiptsMaxCount - 1);
    const document = { id: receipt.id, parent: tenantId, name: receipt.id, digest, body: receipt };
    const kept = documents.insert('rotation', document, 'rotationReceiptsMaxCount');
    assert(kept.ok, 'there is room for the newest receipt');
  }

  #revoke(key: KeyRecord, nowMs: number, actor: Actor): KeyRecord {
    const revoked = revoke(key, nowMs);
    if (revoked !== key) this.#records.documents.change('key', revoked, actor, 'revoke');
    return revoked;
  }
}
