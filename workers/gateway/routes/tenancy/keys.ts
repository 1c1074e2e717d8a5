import { canNameOrigin } from '../../../../src/contract/api/cross-origin.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { KeyWithSecret } from '../../../../src/gateway/tenancy/key-admin.ts';
import type { KeyId } from '../../../../src/kernel/ids.ts';
import type { KeyRecord } from '../../../../src/tenancy/keys/key-record.ts';
import type { Administration } from '../../adapters/tenancy/administration.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { pageReply, replied, seconds } from '../wire.ts';

const CLOSED = 'this deployment lets no page of that origin call it: add the origin, or `keys`, to its CORS_ORIGINS';

export const keyHandlers = {
  createKey: async ({ gateway, principal, body, idempotencyKey }) => {
    const idle = body.origins?.findIndex((origin) => !canNameOrigin(gateway.crossOrigin, origin)) ?? -1;
    if (idle !== -1) return refuse('invalid_value', CLOSED, ['origins', idle]);
    return replied(gateway.tenancy.keys.create(principal, body, idempotencyKey), async (created) =>
      withSecret(created, await lastUse(gateway, created.record)),
    );
  },
  listKeys: async ({ gateway, principal, query }) => {
    const page = await gateway.tenancy.keys.list(principal, query.tenant, query.limit, query.after);
    if (!page.ok) return page;
    const uses = await gateway.tenancy.lastUsed(page.value.items.map(({ id }) => id));
    return { ok: true, reply: pageReply(page.value, (record) => keyReply(record, uses.get(record.id))), used: {} };
  },
  getKey: ({ gateway, principal, params }) =>
    replied(gateway.tenancy.keys.find(principal, params.key), async (found) => keyReply(found, await lastUse(gateway, found))),
  rotateKey: ({ gateway, principal, authority, params, body, idempotencyKey }) => {
    authority.end?.waive();
    return replied(gateway.tenancy.keys.rotate(principal, params.key, body.grace_seconds * 1000, idempotencyKey), async (rotated) =>
      withSecret(rotated, await lastUse(gateway, rotated.record)),
    );
  },
  revokeKey: async ({ gateway, principal, authority, params, query }) => {
    authority.end?.waive();
    const revoked = await gateway.tenancy.keys.revoke(principal, params.key, query.descendants === 'true');
    if (!revoked.ok) return revoked;
    const { record, descendants } = revoked.value;
    const reply = { ...keyReply(record, await lastUse(gateway, record)), revoked_descendants: [...descendants] };
    return { ok: true, reply, used: {} };
  },
} satisfies Partial<Handlers>;

const lastUse = async ({ tenancy }: { readonly tenancy: Administration }, { id }: KeyRecord): Promise<number | undefined> =>
  (await tenancy.lastUsed([id])).get(id);

const withSecret = ({ record, apiKey }: KeyWithSecret, lastUsedAtMs: number | undefined) => ({
  ...keyReply(record, lastUsedAtMs),
  key: apiKey,
});

const keyReply = (record: KeyRecord, lastUsedAtMs: number | undefined) => ({
  object: 'key' as const,
  id: record.id,
  tenant: record.tenantId,
  project: record.projectId,
  name: record.name,
  owner: record.owner,
  scopes: [...record.scopes],
  created_at: seconds(record.createdAtMs),
  expires_at: optionalSeconds(record.expiresAtMs),
  addresses: record.addresses ? [...record.addresses] : null,
  origins: record.origins ? [...record.origins] : null,
  resources: record.resources ? [...record.resources] : null,
  labels: record.labels ? [...record.labels] : null,
  created_by: (record.lineage?.findLast((id) => id.startsWith('key_')) as KeyId | undefined) ?? null,
  revoked_at: optionalSeconds(record.revokedAtMs),
  previous_secret_expires_at: optionalSeconds(record.secrets[1]?.validUntilMs ?? null),
  last_used_at: optionalSeconds(lastUsedAtMs ?? null),
});

const optionalSeconds = (ms: number | null): number | null => (ms === null ? null : seconds(ms));
