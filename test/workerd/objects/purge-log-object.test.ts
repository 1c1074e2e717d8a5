import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import type { PurgeLogObject } from '../../../durable-objects/purge-log-object.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { PURGE_LOG_MIGRATIONS, PurgeLogStore } from '../../../src/cache/store/purge-log-store.ts';
import type { LoggedPredicate, PurgeCommand, PurgePredicate, PurgeRecord, PurgeSelection } from '../../../src/cache/purge-predicate.ts';
import type { NewVector, VectorOrigin } from '../../../src/cache/stored-vector.ts';
import { CACHE_LIMITS } from '../../../src/contract/caches/cache-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { PurgeId, TenantId } from '../../../src/kernel/ids.ts';

const env = anyEnv as unknown as ObjectsEnv & { readonly PURGE_LOG: DurableObjectNamespace<PurgeLogObject> };
const BOUND_MS = CACHE_LIMITS.purgeLeaseMs + CACHE_LIMITS.purgeLeaseGuardMs;
const EVERYTHING: PurgePredicate = {};
const ORIGIN: VectorOrigin = { contractHash: 'c', model: 'm', modelVersion: '1' };
const logged = (position: number, predicate: PurgePredicate): LoggedPredicate => {
  return { position, predicate, mode: 'hard', atMs: expect.any(Number) as number };
};
const entry = (digest: string, position = 0, more: Partial<NewVector> = {}): NewVector => {
  return { digest, position, knownMs: 0, tags: [], ageMs: 0, ttlMs: undefined, ...more };
};

let tenants = 0;
function newTenant() {
  const tenantId = `tn_purge_${++tenants}` as TenantId;
  const log = env.PURGE_LOG.get(env.PURGE_LOG.idFromName(tenantId));
  let purges = 0;
  const command = (selection: PurgeSelection, more: Partial<PurgeCommand> = {}): PurgeCommand => ({
    purgeId: `pg_${tenants}_${++purges}` as PurgeId,
    owner: tenantId,
    tenantId,
    bodyDigest: 'body',
    selection,
    mode: 'hard',
    consistency: 'next-read',
    ...more,
  });
  const shards = Array.from({ length: CACHE_LIMITS.cacheShardsCount }, (_, shard) =>
    env.EMBEDDING_CACHE.get(env.EMBEDDING_CACHE.idFromName(`${tenantId}:${shard}`)),
  );
  return { tenantId, log, command, shards };
}

const value = <T>(outcome: Outcome<T>): T => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: T }).value;
};

describe('PurgeLogObject', () => {
  it('[C8] waits for one full lease after a start, and then for none', async () => {
    const { log, command } = newTenant();
    const startedMs = Date.now();
    const first = value<PurgeRecord>(await log.purge(command(EVERYTHING)));
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(BOUND_MS - 50);
    expect(Date.now()).toBeGreaterThanOrEqual(first.effectiveAtMs);
    const second = value<PurgeRecord>(await log.purge(command(EVERYTHING)));
    expect([second.position, second.effectiveAtMs]).toEqual([2, second.appendedAtMs]);
  });

  it('[C8] waits for leases granted before; those granted meanwhile include the purge', async () => {
    const { log, command } = newTenant();
    await log.lease(0);
    await scheduler.wait(BOUND_MS);
    const { leaseMs, tail } = await log.lease(0);
    const leasedMs = Date.now();
    expect([leaseMs, tail]).toEqual([CACHE_LIMITS.purgeLeaseMs, []]);
    const purging = log.purge(command(EVERYTHING));
    await scheduler.wait(50);
    expect((await log.lease(0)).tail).toEqual([logged(1, EVERYTHING)]);
    const { effectiveAtMs, appendedAtMs } = value<PurgeRecord>(await purging);
    // Unless the purge came only after the lease, on a busy machine.
    expect(effectiveAtMs).toBeGreaterThanOrEqual(Math.max(leasedMs + CACHE_LIMITS.purgeLeaseMs, appendedAtMs));
    expect(effectiveAtMs).toBeLessThanOrEqual(Math.max(leasedMs + BOUND_MS, appendedAtMs) + 50);
    expect(Date.now()).toBeGreaterThanOrEqual(effectiveAtMs);
  });

  it('[C8] keeps the log, and the time at which a purge takes effect, through evictions', async () => {
    const { log, command } = newTenant();
    const keys: PurgePredicate = { digests: ['a', 'b'], model: 'm' };
    const purge = command(keys);
    const { effectiveAtMs } = value<PurgeRecord>(await log.purge(purge));
    await evictDurableObject(log);
    expect(value<PurgeRecord>((await log.find(purge.purgeId)) as Outcome<PurgeRecord>)).toMatchObject({ position: 1, effectiveAtMs });
    expect(await log.lease(0)).toMatchObject({ since: 0, tail: [logged(1, keys)] });
    expect((await log.lease(1)).tail).toEqual([]);
    await evictDurableObject(log);
    expect(value<PurgeRecord>(await log.purge(command(EVERYTHING))).position).toBe(2);
    await evictDurableObject(log);
    // A purge of everything replaces the purges before it.
    expect((await log.lease(0)).tail).toEqual([logged(2, EVERYTHING)]);
  });

  it('[C5] stays within its bounds in storage, too', async () => {
    const { log, command } = newTenant();
    const purges = Array.from({ length: CACHE_LIMITS.purgePredicatesMaxCount + 1 }, (_, i) => command({ digests: [`d${i}`] }));
    await Promise.all(purges.map((purge) => log.purge(purge)));
    await evictDurableObject(log);
    const { tail } = await log.lease(0);
    expect(tail.length).toBeLessThanOrEqual(CACHE_LIMITS.purgePredicatesMaxCount);
    expect(tail[0]?.predicate).toEqual(EVERYTHING);
    expect(tail.at(-1)?.position).toBe(purges.length);
    const rows = await runInDurableObject(
      log,
      (_object, state) => state.storage.sql.exec('SELECT COUNT(*) AS n FROM predicates').one()['n'],
    );
    expect(rows).toBe(tail.length);
  });

  it('[C9] answers a repetition with the same purge, and refuses another body', async () => {
    const { log, command } = newTenant();
    const purge = command(EVERYTHING);
    const [first, second] = await Promise.all([log.purge(purge), log.purge(purge)]);
    expect(second).toEqual(first);
    await evictDurableObject(log);
    expect(value<PurgeRecord>((await log.purge(purge)) as Outcome<PurgeRecord>)).toMatchObject({ position: 1 });
    expect(await log.purge({ ...purge, bodyDigest: 'other' })).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
    expect((await log.lease(0)).tail).toHaveLength(1);
  });

  it('[C17] erases what it purged from every shard, through evictions', async () => {
    const { log, command, shards } = newTenant();
    for (const shard of shards) {
      await shard.put(ORIGIN, [entry('old'), entry('new', 1)], Float32Array.of(1, 2));
    }
    const purge = command(EVERYTHING);
    await log.purge(purge);
    for (let turn = 0; turn < 10; turn++) {
      await evictDurableObject(log);
      if (!(await runDurableObjectAlarm(log))) break;
    }
    for (const shard of shards) expect((await shard.get('c', ['old', 'new'])).entries.map(({ at }) => at)).toEqual([1]);
    expect(value<PurgeRecord>((await log.find(purge.purgeId)) as Outcome<PurgeRecord>).erased).toBe(true);
  });

  it('[C17] continues by its own alarm until every shard is done, slice by slice and purge by purge', async () => {
    const { log, command, shards } = newTenant();
    const [shard] = shards;
    const digests = Array.from({ length: CACHE_LIMITS.cacheSweepRowsMax + 1 }, (_, i) => `digest-${i}`);
    await shard!.put(
      ORIGIN,
      digests.map((digest) => entry(digest)),
      new Float32Array(digests.length),
    );
    const purges = [command(EVERYTHING), command({ digests: ['other'] })];
    await Promise.all(purges.map((purge) => log.purge(purge)));
    const isErased = async (purge: PurgeCommand) => value<PurgeRecord>(await log.find(purge.purgeId)).erased;
    await expect.poll(() => Promise.all(purges.map(isErased))).toEqual([true, true]);
    expect((await shard!.get('c', digests)).entries).toEqual([]);
  });

  it('[C17] tries again when a shard does not answer', async () => {
    const { log, command, shards } = newTenant();
    await shards[0]!.put(ORIGIN, [entry('old')], Float32Array.of(1));
    await runInDurableObject(log, async (object, state) => {
      const inside = object as unknown as { env: ObjectsEnv };
      const working = inside.env;
      const unreachable = { idFromName: () => '', get: () => ({ erase: () => Promise.reject(new Error('away')) }) };
      inside.env = { ...working, EMBEDDING_CACHE: unreachable as unknown as ObjectsEnv['EMBEDDING_CACHE'] };
      const purge = command(EVERYTHING);
      await object.purge(purge);
      await expect.poll(() => state.storage.getAlarm()).toBeGreaterThan(Date.now() + 1_000);
      expect(object.find(purge.purgeId)).toMatchObject({ value: { erased: false } });
      inside.env = { ...working, EMBEDDING_CACHE: env.EMBEDDING_CACHE };
      await object.alarm();
      expect(object.find(purge.purgeId)).toMatchObject({ value: { erased: true } });
    });
    expect((await shards[0]!.get('c', ['old'])).entries).toEqual([]);
  });

  it('[C9] remembers a bounded number of receipts, the newest', async () => {
    const { log, command } = newTenant();
    await runInDurableObject(log, (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof PurgeLogStore>[0];
      const store = new PurgeLogStore(storage, { predicatesMax: 4, termsMax: 4 }, 2);
      const purges = [command(EVERYTHING), command(EVERYTHING), command(EVERYTHING)];
      for (const purge of purges) value(store.append(purge, 1_000, 1_000));
      expect(purges.map(({ purgeId }) => store.find(purgeId)?.position)).toEqual([undefined, 2, 3]);
    });
  });

  it('[T72] is not appended to under a lease that has ended', async () => {
    const { log, command } = newTenant();
    expect(await log.purge(command(EVERYTHING), { endsAtMs: 1 })).toMatchObject({ error: { code: 'lease_expired' } });
    expect((await log.lease(0)).tail).toEqual([]);
  });

  it('[T72] removes what an erased tenant brought into its cache, and accepts no purge for it', async () => {
    const { tenantId, log, command, shards } = newTenant();
    const [tagged, receipt] = [command({ tags: ['secret'] }, { consistency: 'fast' }), { ok: true, value: null }];
    await log.purge(tagged);
    for (const shard of shards) await shard.put(ORIGIN, [entry('a', 1), entry('b', 1, { filledBy: tenantId })], Float32Array.of(1, 2));
    expect(await log.left(tenantId, tenantId)).toEqual({ ok: true, value: shards.length * 2 });
    expect(await log.eraseTenant(tenantId, tenantId)).toEqual(receipt);
    expect(await log.left(tenantId, tenantId)).toEqual({ ok: true, value: 0 });
    expect(await log.find(tagged.purgeId)).toMatchObject({ error: { code: 'purge_not_found' } });
    await evictDurableObject(log);
    expect(await log.purge(command({ tags: ['late'] }))).toMatchObject({ error: { code: 'tenant_suspended' } });
    expect(await log.eraseTenant(tenantId, tenantId)).toEqual(receipt);
    expect((await log.lease(0)).tail).toEqual([logged(2, EVERYTHING)]);
  });

  it('[T72] erases from a shared cache what only the erased tenant put there, and counts that', async () => {
    const { tenantId: organisation, log, command, shards } = newTenant();
    const [gone, neighbour] = ['tn_gone', 'tn_neighbour'] as [TenantId, TenantId];
    const more = { owner: organisation, consistency: 'fast' } as const;
    const brought = [entry('of the gone', 0, { filledBy: gone }), entry('of the neighbour', 0, { filledBy: neighbour })];
    for (const shard of shards) await shard.put(ORIGIN, brought, Float32Array.of(1, 2));
    expect(await log.left(organisation, gone)).toEqual({ ok: true, value: shards.length });
    await log.eraseTenant(organisation, gone);
    expect(await log.left(organisation, gone)).toEqual({ ok: true, value: 0 });
    expect(await log.left(organisation, neighbour)).toEqual({ ok: true, value: shards.length });
    expect((await log.lease(0)).tail).toEqual([logged(1, { filledBy: gone })]);
    expect(await log.purge(command(EVERYTHING, { ...more, tenantId: gone }))).toMatchObject({ error: { code: 'tenant_suspended' } });
    expect(await log.purge(command({ tags: ['t'] }, { ...more, tenantId: neighbour }))).toMatchObject({ ok: true });
  });

  it('[T72] removes the texts of all purges from a shared log when a tenant is erased', async () => {
    const { tenantId: organisation, log, command } = newTenant();
    await log.purge(command({ tags: ['secret'] }, { consistency: 'fast' }));
    await log.purge(command({ model: 'm' }, { consistency: 'fast' }));
    await log.eraseTenant(organisation, 'tn_gone' as TenantId);
    await evictDurableObject(log);
    expect((await log.lease(0)).tail).toEqual([logged(2, EVERYTHING), logged(3, { filledBy: 'tn_gone' as TenantId })]);
  });

  it('[T72] opens a log from before erasures were recorded', async () => {
    const { log, tenantId, command } = newTenant();
    await runInDurableObject(log, (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof PurgeLogStore>[0];
      migrate(storage, PURGE_LOG_MIGRATIONS.slice(0, 2));
      state.storage.sql.exec(`INSERT INTO predicates VALUES (1, '{"tags":["secret"]}', 'hard', 5)`);
      state.storage.sql.exec('INSERT INTO erasure VALUES (?, 1, ?, 0)', tenantId, '{}');
    });
    await log.eraseTenant(tenantId, tenantId);
    expect((await log.lease(0)).tail).toEqual([logged(2, EVERYTHING)]);
    expect(await log.purge(command(EVERYTHING))).toMatchObject({ error: { code: 'tenant_suspended' } });
  });

  it('[C18] writes nothing until the first purge', async () => {
    const { log } = newTenant();
    expect(await log.lease(0)).toMatchObject({ since: 0, tail: [] });
    expect(await log.find('pg_none' as PurgeId)).toMatchObject({ ok: false, error: { code: 'purge_not_found' } });
    await runInDurableObject(log, (_object, state) => {
      expect(state.storage.sql.exec('SELECT COUNT(*) AS n FROM sqlite_master').one()['n']).toBe(0);
    });
  });

  it('[C68] answers a fast purge at once, with the time at which it takes effect', async () => {
    const { log, command } = newTenant();
    const { grantedAtMs } = await log.lease(0);
    const startedMs = Date.now();
    const purge = command(EVERYTHING, { consistency: 'fast' });
    const { effectiveAtMs, appendedAtMs } = value<PurgeRecord>(await log.purge(purge));
    // Unless this machine was that slow.
    expect(Date.now() < effectiveAtMs || Date.now() - startedMs >= CACHE_LIMITS.purgeLeaseMs).toBe(true);
    expect(effectiveAtMs).toBeGreaterThanOrEqual(grantedAtMs + CACHE_LIMITS.purgeLeaseMs);
    expect(effectiveAtMs - appendedAtMs).toBeLessThanOrEqual(BOUND_MS);
    expect((await log.lease(0)).tail).toEqual([logged(1, EVERYTHING)]);
    expect(value<PurgeRecord>((await log.find(purge.purgeId)) as Outcome<PurgeRecord>)).toMatchObject({
      consistency: 'fast',
      effectiveAtMs,
    });
  });

  it('[C61] erases nothing for a soft purge, and continues with the hard ones around it', async () => {
    const { log, command, shards } = newTenant();
    await shards[0]!.put(ORIGIN, [entry('soft'), entry('hard')], Float32Array.of(1, 2));
    const fast = { consistency: 'fast' } as const;
    const soft = command({ digests: ['soft'] }, { ...fast, mode: 'soft' });
    const hard = command({ digests: ['hard'] }, fast);
    for (const purge of [soft, hard]) await log.purge(purge);
    await expect.poll(async () => value<PurgeRecord>((await log.find(hard.purgeId)) as Outcome<PurgeRecord>).erased).toBe(true);
    expect(value<PurgeRecord>((await log.find(soft.purgeId)) as Outcome<PurgeRecord>)).toMatchObject({ mode: 'soft', erased: false });
    expect((await shards[0]!.get('c', ['soft', 'hard'])).entries.map(({ at }) => at)).toEqual([0]);
  });

  it('[C62] measures the age for a purge by age on its own clock', async () => {
    const { log, command } = newTenant();
    const beforeMs = Date.now();
    await log.purge(command({ olderThanMs: 5000, tags: ['t'] }, { consistency: 'fast' }));
    const [purge] = (await log.lease(0)).tail;
    expect(purge?.predicate).toEqual({ tags: ['t'], filledBeforeMs: (purge?.atMs ?? 0) - 5000 });
    expect(purge?.atMs).toBeGreaterThanOrEqual(beforeMs);
  });

  it('[C67] counts over all shards what a purge would find, and fails if one is unreachable', async () => {
    const { tenantId, log, shards } = newTenant();
    for (const shard of shards) await shard.put(ORIGIN, [entry('a', 0, { tags: ['t'] }), entry('b')], Float32Array.of(1, 2));
    expect(await log.count(tenantId, { tags: ['t'] })).toEqual({ ok: true, value: { entries: shards.length, bytes: shards.length * 4 } });
    expect(await log.count(tenantId, {})).toMatchObject({ value: { entries: shards.length * 2 } });
    await runInDurableObject(log, async (object, state) => {
      expect(state.storage.sql.exec('SELECT COUNT(*) AS n FROM sqlite_master').one()['n']).toBe(0);
      const inside = object as unknown as { env: ObjectsEnv };
      const away = { idFromName: () => '', get: () => ({ count: () => Promise.reject(new Error('away')) }) };
      inside.env = { ...inside.env, EMBEDDING_CACHE: away as unknown as ObjectsEnv['EMBEDDING_CACHE'] };
      expect(await object.count(tenantId, {})).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    });
  });

  it('[C5] purges everything once in place of the purges in the first format of its log', async () => {
    const { log, tenantId } = newTenant();
    await runInDurableObject(log, (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof PurgeLogStore>[0];
      migrate(storage, PURGE_LOG_MIGRATIONS.slice(0, 1));
      const { sql } = state.storage;
      sql.exec(`INSERT INTO predicates VALUES (1, '{"kind":"keys"}'), (2, '{"kind":"keys"}')`);
      sql.exec(`INSERT INTO receipts VALUES (1, 'pg_1', 'b', 5, 6), (2, 'pg_2', 'b', 7, 8)`);
      sql.exec('INSERT INTO erasure VALUES (?, 1)', tenantId);
      const store = new PurgeLogStore(storage, { predicatesMax: 4, termsMax: 4 }, 9);
      expect(store.log.entries).toEqual([{ position: 2, predicate: {}, mode: 'hard', atMs: 0 }]);
      expect(store.find('pg_1' as PurgeId)).toMatchObject({ mode: 'hard', consistency: 'next-read', effectiveAtMs: 6, erased: true });
      expect(store.nextErasure()).toMatchObject({ owner: tenantId, cursors: {} });
    });
  });

  it('[C17] remembers the progress of an erasure, and restarts it if the log was compacted over it', async () => {
    const { log, command } = newTenant();
    await runInDurableObject(log, (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof PurgeLogStore>[0];
      const bounds = { predicatesMax: 4, termsMax: 9 };
      const store = new PurgeLogStore(storage, bounds, 9);
      const append = () => value(store.append(command({ tags: ['t'] }), 1_000, 1_000));
      append();
      store.erased(store.nextErasure()!.purge, { 0: 7, 1: null });
      append();
      expect(new PurgeLogStore(storage, bounds, 9).nextErasure()).toMatchObject({ purge: { position: 1 }, cursors: { 0: 7, 1: null } });
      for (let purges = 0; purges < 3; purges += 1) append();
      expect(store.nextErasure()).toMatchObject({ purge: { position: 3, predicate: {} } });
      expect(store.nextErasure()?.cursors).toEqual({});
      store.erased(store.nextErasure()!.purge, undefined);
      expect(store.nextErasure()).toMatchObject({ purge: { position: 4 } });
      expect(store.nextErasure()?.cursors).toEqual({});
    });
  });
});
