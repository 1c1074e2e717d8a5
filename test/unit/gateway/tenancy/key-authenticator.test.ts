import { describe, expect, it } from 'vitest';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { TENANCY_LIMITS } from '../../../../src/contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { Principal } from '../../../../src/contract/api/principal.ts';
import { cacheOwnerOf } from '../../../../src/contract/api/principal.ts';
import { KeyAuthenticator } from '../../../../src/gateway/tenancy/key-authenticator.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import type { KeyId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { formatApiKey, SECRET_BYTES } from '../../../../src/tenancy/keys/api-key.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import type { AdmittedKey } from '../../../../src/tenancy/keys/key-record.ts';
import { issue, revoke, rotate } from '../../../../src/tenancy/keys/key-record.ts';
import { idsOf, ManualClock, newKey } from '../../../support/fakes/tenancy.ts';

const ADMIN_KEY = 'an-admin-key-that-nobody-can-guess-at-all';
const digests: string[] = [];
class CountingHmac extends Hmac {
  override hex(message: string): Promise<string> {
    digests.push(message);
    return super.hex(message);
  }
}
const hmac = new CountingHmac('a-pepper-that-nobody-can-guess-at-all');
const secret = (fill: number) => new Uint8Array(SECRET_BYTES).fill(fill);

/** An isolate over a store of keys that can become unreachable. */
class World {
  readonly clock = new ManualClock();
  readonly records = new Map<KeyId, AdmittedKey>();
  isReachable = true;
  lookups = 0;
  answers = (): Promise<void> => Promise.resolve();
  readonly authenticator = new KeyAuthenticator({
    adminKey: ADMIN_KEY,
    hmac,
    clock: this.clock,
    wakeUps: new DirectWakeUps(),
    lookup: async (id) => {
      this.lookups += 1;
      if (!this.isReachable) throw new Error('unreachable');
      const record = this.records.get(id);
      await this.answers();
      return record;
    },
  });

  async addKey(number = 1): Promise<{ apiKey: string; id: KeyId }> {
    const { id } = idsOf(number);
    const apiKey = formatApiKey(id, secret(number));
    this.records.set(id, issue(newKey({ ...idsOf(number), mac: await hmac.hex(apiKey) })));
    return { apiKey, id };
  }

  change(id: KeyId, to: (record: AdmittedKey) => AdmittedKey): void {
    const record = this.records.get(id);
    if (record !== undefined) this.records.set(id, to(record));
  }

  /** When readings that nothing waits for have ended. */
  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async authenticate(apiKey: string): Promise<Outcome<Principal>> {
    const proof = await (await this.authenticator.present(apiKey)).prove();
    return proof.ok ? ok(proof.value.principal) : proof;
  }

  async codeOf(apiKey: string): Promise<string> {
    const outcome = await this.authenticate(apiKey);
    return outcome.ok ? outcome.value.kind : outcome.error.code;
  }
}

describe('the authenticator', () => {
  it('recognises the admin key and identifies other keys by their records', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(ADMIN_KEY)).toBe('admin');
    expect(await world.codeOf(`${ADMIN_KEY}x`)).toBe('invalid_api_key');
    expect(await world.authenticate(apiKey)).toMatchObject({
      value: { kind: 'tenant', keyId: id, tenantId: idsOf(1).tenantId, scopes: ['inference', 'keys:write'] },
    });
    expect(await world.codeOf(formatApiKey(id, secret(9)))).toBe('invalid_api_key');
  });

  it('[C88] lets a tenant share a cache only while its organisation is known to allow it', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    const shares = async () => {
      const outcome = await world.authenticate(apiKey);
      return outcome.ok && outcome.value.kind === 'tenant' && cacheOwnerOf(outcome.value) === idsOf(1).organisationId;
    };
    expect(await shares()).toBe(false);
    world.change(id, (record) => ({ ...record, sharesCache: true }));
    world.clock.ms += TENANCY_LIMITS.keyFreshMs + 1;
    expect(await shares()).toBe(true);
    world.isReachable = false;
    world.clock.ms += TENANCY_LIMITS.keyFreshMs + 1;
    expect([await shares(), await world.codeOf(apiKey)]).toEqual([false, 'tenant']);
    world.isReachable = true;
    world.change(id, (record) => ({ ...record, sharesCache: false }));
    world.clock.ms += TENANCY_LIMITS.keyFreshMs + 1;
    expect(await shares()).toBe(false);
  });

  it('[T1] makes no call for a text that is not a valid key', async () => {
    const world = new World();
    const { apiKey } = await world.addKey();
    expect(await world.codeOf(`${apiKey.slice(0, -1)}_`)).toBe('invalid_api_key');
    expect(world.lookups).toBe(0);
  });

  it('[T5] refuses a revoked key within keyFreshMs, and reads once in that time', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    for (let call = 0; call < 5; call++) expect(await world.codeOf(apiKey)).toBe('tenant');
    expect(world.lookups).toBe(1);
    world.change(id, (record) => revoke(record, world.clock.ms));
    world.clock.ms += TENANCY_LIMITS.keyFreshMs + 1;
    expect(await world.codeOf(apiKey)).toBe('invalid_api_key');
  });

  it('[G60] reads the record of a key in use ahead of time, once, and no call waits for it', async () => {
    const world = new World();
    const { apiKey } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    for (let period = 0; period < 5; period += 1) {
      const reading = Promise.withResolvers<void>();
      world.answers = () => reading.promise;
      world.clock.ms += TENANCY_LIMITS.keyFreshMs / 2;
      for (let call = 0; call < 3; call += 1) expect(await world.codeOf(apiKey)).toBe('tenant');
      expect(world.lookups).toBe(period + 2);
      reading.resolve();
      await world.settled();
    }
  });

  it('[T5] [G60] refuses a revoked key as soon as it was read ahead, and never later than keyFreshMs', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.change(id, (record) => revoke(record, world.clock.ms));
    world.clock.ms += TENANCY_LIMITS.keyFreshMs / 2;
    await world.codeOf(apiKey);
    await world.settled();
    expect(await world.codeOf(apiKey)).toBe('invalid_api_key');
  });

  it('[T6] [G60] a key that could not be read ahead keeps its scopes, and is read when it is too old', async () => {
    const world = new World();
    const { apiKey } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.isReachable = false;
    world.clock.ms += TENANCY_LIMITS.keyFreshMs;
    await world.codeOf(apiKey);
    await world.settled();
    expect(await world.authenticate(apiKey)).toMatchObject({ value: { scopes: ['inference', 'keys:write'] } });
    world.isReachable = true;
    world.clock.ms += 1;
    const { lookups } = world;
    expect(await world.authenticate(apiKey)).toMatchObject({ value: { scopes: ['inference', 'keys:write'] } });
    expect(world.lookups).toBe(lookups + 1);
  });

  it('[T8] digests a key no more once it has proved something, and an invented one each time', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    const invented = formatApiKey(id, secret(9));
    digests.length = 0;
    for (let call = 0; call < 3; call += 1) await world.codeOf(apiKey);
    expect(digests).toEqual([apiKey]);
    for (let call = 0; call < 3; call += 1) expect(await world.codeOf(invented)).toBe('invalid_api_key');
    expect(digests.filter((text) => text === invented)).toHaveLength(3);
  });

  it('[T5] refuses a key at once where its cache entry was dropped, even during a read', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.clock.ms += TENANCY_LIMITS.keyFreshMs + 1;
    const late = world.codeOf(apiKey);
    await Promise.resolve();
    world.change(id, (record) => revoke(record, world.clock.ms));
    world.authenticator.forget(id);
    await late;
    expect(await world.codeOf(apiKey)).toBe('invalid_api_key');
  });

  it('[T5] [T7] reads all keys of an organisation again after one was changed elsewhere, and no others', async () => {
    const world = new World();
    const stem = 'a'.repeat(10);
    const keyOf = async (fill: number, id: string) => {
      const apiKey = formatApiKey(id as KeyId, secret(fill));
      world.records.set(id as KeyId, issue(newKey({ ...idsOf(fill), id: id as KeyId, mac: await hmac.hex(apiKey) })));
      return { apiKey, id: id as KeyId };
    };
    const [changed, descendant] = [await keyOf(1, `key_${stem}${'b'.repeat(10)}`), await keyOf(2, `key_${stem}${'c'.repeat(10)}`)];
    const other = await keyOf(3, `key_${'d'.repeat(10)}${'b'.repeat(10)}`);
    const all = [changed, descendant, other];
    for (const { apiKey } of all) expect(await world.codeOf(apiKey)).toBe('tenant');
    for (const { id } of all) world.change(id, (record) => revoke(record, world.clock.nowMs()));
    world.authenticator.forgetRelatives(changed.id);
    expect(await Promise.all(all.map(({ apiKey }) => world.codeOf(apiKey)))).toEqual(['invalid_api_key', 'invalid_api_key', 'tenant']);
  });

  it('[T5] counts the age of a record from before its request, whichever way the clock steps', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.change(id, (record) => revoke(record, world.clock.ms));
    world.clock.ms -= 3_600_000;
    expect(await world.codeOf(apiKey)).toBe('invalid_api_key');
  });

  it('[T6] accepts a known key while the store is unreachable, without administrative scopes', async () => {
    const world = new World();
    const { apiKey } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.isReachable = false;
    world.clock.ms += TENANCY_LIMITS.keyUnconfirmedMs;
    expect(await world.authenticate(apiKey)).toMatchObject({
      value: { scopes: ['inference'], withheld: ['keys:write'] },
    });
    const { lookups } = world;
    expect(await world.codeOf(apiKey)).toBe('tenant');
    expect(world.lookups).toBe(lookups);
    world.clock.ms += 1;
    expect(await world.codeOf(apiKey)).toBe('unavailable');
    world.isReachable = true;
    expect(await world.authenticate(apiKey)).toMatchObject({ value: { scopes: ['inference', 'keys:write'] } });
  });

  it('[T6] cannot judge an unknown key while the store is unreachable', async () => {
    const world = new World();
    const { apiKey } = await world.addKey();
    world.isReachable = false;
    expect(await world.codeOf(apiKey)).toBe('unavailable');
  });

  it('[T7] accepts a new secret as soon as the cache TTL of the record has passed', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    const next = formatApiKey(id, secret(2));
    const mac = await hmac.hex(next);
    world.change(id, (record) => {
      const rotated = rotate(record, mac, 0, world.clock.ms);
      return rotated.ok ? rotated.value : record;
    });
    world.clock.ms += TENANCY_LIMITS.keyDoubtedMs + 1;
    expect(await world.codeOf(next)).toBe('tenant');
  });

  it('[T8] evicts no real key for invented ids, and reads for wrong secrets ten times a second at most', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    for (let number = 2; number < TENANCY_LIMITS.keysCachedMaxCount + 100; number++) {
      await world.authenticate(formatApiKey(idsOf(number).id, secret(0)));
    }
    const { lookups } = world;
    expect(await world.codeOf(apiKey)).toBe('tenant');
    expect(world.lookups).toBe(lookups);
    for (let guess = 0; guess < 100; guess++, world.clock.ms += 10) {
      expect(await world.codeOf(formatApiKey(id, secret(2 + (guess % 30))))).toBe('invalid_api_key');
    }
    expect(world.lookups - lookups).toBeGreaterThan(5);
    expect(world.lookups - lookups).toBeLessThanOrEqual(10);
  });

  it('[T53] gives no lease after the key is revoked, however long ago the request began', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    const credential = await world.authenticator.present(apiKey);
    const bound = TENANCY_LIMITS.keyFreshMs + TENANCY_LIMITS.writeLeaseGuardMs;
    expect(await credential.prove()).toMatchObject({ value: { lease: { endsAtMs: world.clock.ms + bound } } });
    world.clock.ms += TENANCY_LIMITS.keyFreshMs;
    world.change(id, (record) => revoke(record, world.clock.ms));
    // The cached record is as old as allowed: the lease still counts from the time it was read.
    expect(await credential.prove()).toMatchObject({ value: { lease: { endsAtMs: world.clock.ms + TENANCY_LIMITS.writeLeaseGuardMs } } });
    world.clock.ms += 1;
    expect(await credential.prove()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });

  it('[T53] gives short leases while the store is unreachable, and none when the record is too old', async () => {
    const world = new World();
    const { apiKey } = await world.addKey();
    const credential = await world.authenticator.present(apiKey);
    await credential.prove();
    world.isReachable = false;
    world.clock.ms += TENANCY_LIMITS.keyUnconfirmedMs;
    const endsAtMs = world.clock.ms + TENANCY_LIMITS.keyFreshMs + TENANCY_LIMITS.writeLeaseGuardMs;
    expect(await credential.prove()).toMatchObject({ value: { lease: { endsAtMs, isUnconfirmed: true } } });
    world.clock.ms += 1;
    expect(await credential.prove()).toMatchObject({ error: { code: 'unavailable' } });
  });

  it('[T120] reads keys again once something has changed, and knows them while that is impossible', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.authenticator.doubt(organisationOf(id));
    world.isReachable = false;
    expect(await world.codeOf(apiKey)).toBe('tenant');
    world.isReachable = true;
    world.change(id, (record) => revoke(record, world.clock.ms));
    world.authenticator.doubt(organisationOf(id));
    world.clock.ms += TENANCY_LIMITS.keyFreshMs;
    expect(await world.codeOf(apiKey)).toBe('invalid_api_key');
  });

  it('[T121] says when a key proves less by itself: as it expires, or its replaced secret dies', async () => {
    const world = new World();
    const { apiKey, id } = await world.addKey();
    const lapses = async () => {
      world.authenticator.forget(id);
      const proof = await (await world.authenticator.present(apiKey)).prove();
      return proof.ok && proof.value.lapsesAtMs - world.clock.ms;
    };
    expect(await lapses()).toBe(Infinity);
    world.change(id, (record) => ({ ...record, expiresAtMs: world.clock.ms + 90_000 }));
    expect(await lapses()).toBe(90_000);
    world.change(id, (record) => {
      const rotated = rotate(record, 'another', 60_000, world.clock.ms);
      return rotated.ok ? rotated.value : record;
    });
    expect(await lapses()).toBe(60_000);
  });
});
