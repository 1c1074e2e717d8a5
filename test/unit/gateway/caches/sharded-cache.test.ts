import { hash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { EmbeddingCacheStore } from '../../../../src/cache/store/embedding-cache-store.ts';
import type { CacheLayout } from '../../../../src/cache/cache-layout.ts';
import { parseShards } from '../../../../src/cache/cache-layout.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { underLease } from '../../../../src/contract/tenancy/write-lease.ts';
import type { Acting } from '../../../../src/gateway/tenancy/authority.ts';
import { ShardedCache } from '../../../../src/gateway/caches/sharded-cache.ts';
import type { CacheOwnerId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { actingFor } from '../../../support/fakes/in-force.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const OWNER = 'tn_one' as CacheOwnerId;
const ORIGIN = { contractHash: 'c', model: 'm', modelVersion: '1' };
const ACTING = actingFor('tn_one');
const BOUNDS = { entriesMax: 10_000, bytesMax: 1e9, touchesMax: 1000, sweepRowsMax: 1000, countRowsMax: 1000 };
const DIGESTS = Array.from({ length: 3000 }, (_, i) => hash('sha256', `text ${i}`, 'hex'));
const layout = (shards: string, before = ''): CacheLayout => {
  return { shards: parseShards(shards, 64), before: before === '' ? [] : parseShards(before, 64) };
};

/** Shards that keep their entries when the layout changes. */
function deployment() {
  const world = { nowMs: 1000, calls: [] as string[], failing: new Set<string>(), failures: 0, copies: [] as Promise<unknown>[] };
  const stores = new Map<string, EmbeddingCacheStore>();
  const storeOf = (name: string): EmbeddingCacheStore => {
    const store = stores.get(name) ?? new EmbeddingCacheStore(new NodeSql(), BOUNDS);
    stores.set(name, store);
    return store;
  };
  const reach = async (kind: string, name: string): Promise<EmbeddingCacheStore> => {
    world.calls.push(`${kind} ${name}`);
    if (world.failing.has(name)) throw new Error('away');
    return storeOf(name);
  };
  const under = (of: CacheLayout): ShardedCache =>
    new ShardedCache({
      layout: of,
      shardOf: (owner, name) => {
        expect(owner).toBe(OWNER);
        return {
          get: async (contractHash, digests) => (await reach('get', name)).get(contractHash, digests, world.nowMs),
          put: async (origin, entries, vectors, lease) => {
            const store = await reach('put', name);
            const leased = underLease(lease, world.nowMs);
            if (leased.ok) store.put(origin, entries, vectors, world.nowMs);
            return leased;
          },
        };
      },
      background: (work) => world.copies.push(work),
      onFailure: () => (world.failures += 1),
    });
  return { world, stores, under };
}

const put = (cache: ShardedCache, digests: readonly string[], ttlMs?: number, acting: Acting = ACTING) =>
  cache.put(
    OWNER,
    ORIGIN,
    digests.map((digest) => ({ digest, position: 3, knownMs: 7, filledBy: acting.principal.tenantId, tags: ['t'], ageMs: 0, ttlMs })),
    Float32Array.from(digests.flatMap((digest) => [DIGESTS.indexOf(digest), 0.5])),
    acting,
  );
const hits = async (cache: ShardedCache, digests: readonly string[], acting: Acting = ACTING): Promise<string[]> => {
  const found = await cache.get(OWNER, ORIGIN, digests, acting);
  for (const { at, vector } of found) expect([...vector]).toEqual([DIGESTS.indexOf(digests[at]!), 0.5]);
  return found.map(({ at }) => digests[at]!).toSorted();
};

describe('the shards of a cache', () => {
  it('[C63] are called once each for a batch, all at once, and answer every digest in its position', async () => {
    const { world, under } = deployment();
    const cache = under(layout('16'));
    await put(cache, DIGESTS);
    expect(world.calls.toSorted()).toEqual(Array.from({ length: 16 }, (_, i) => `put ${i}`).toSorted());
    world.calls.length = 0;
    expect(await hits(cache, [...DIGESTS, 'unknown'])).toEqual(DIGESTS.toSorted());
    expect(world.calls).toHaveLength(16);
  });

  it('[C14] miss only the entries of an unreachable shard', async () => {
    const { world, under } = deployment();
    const cache = under(layout('4'));
    await put(cache, DIGESTS);
    world.failing.add('2');
    const found = await hits(cache, DIGESTS);
    expect(found.length / DIGESTS.length).toBeGreaterThan(0.7);
    expect([found.length < DIGESTS.length, world.failures]).toEqual([true, 1]);
    await put(cache, DIGESTS);
    expect(world.failures).toBe(2);
  });

  it('[C19] [C63] lose nothing when 16 become 24: a third of the entries moves, when requested, for good', async () => {
    const { world, stores, under } = deployment();
    await put(under(layout('16')), DIGESTS, 60_000);
    world.nowMs += 10_000;
    const moving = under(layout('24', '16'));
    expect(await hits(moving, DIGESTS)).toEqual(DIGESTS.toSorted());
    await Promise.all(world.copies);
    const moved = Array.from({ length: 8 }, (_, i) => stores.get(String(16 + i))?.totals().entries ?? 0).reduce((sum, n) => sum + n);
    expect(moved / DIGESTS.length).toBeGreaterThan(0.25);
    expect(moved / DIGESTS.length).toBeLessThan(0.4);
    // Every entry was requested, so the former shards are not needed any more; moved entries keep their age, end and stamp.
    const settled = under(layout('24'));
    expect(await hits(settled, DIGESTS)).toEqual(DIGESTS.toSorted());
    for (const { position, knownMs, tags, ageMs, ttlMs } of await settled.get(OWNER, ORIGIN, DIGESTS, ACTING)) {
      expect({ position, knownMs, tags, ageMs, ttlMs }).toEqual({ position: 3, knownMs: 7, tags: ['t'], ageMs: 10_000, ttlMs: 50_000 });
    }
  });

  it('[T71] store nothing for a key that has ended, neither fills nor moved entries', async () => {
    const { world, stores, under } = deployment();
    const ended: Acting = { ...ACTING, authority: { lease: async () => refuse('tenant_suspended', 'erased') } };
    await put(under(layout('16')), DIGESTS);
    const held = () => [...stores.values()].reduce((sum, store) => sum + store.totals().entries, 0);
    await put(under(layout('16')), ['late'], undefined, ended);
    expect(held()).toBe(DIGESTS.length);
    expect(await hits(under(layout('24', '16')), DIGESTS, ended)).toEqual(DIGESTS.toSorted());
    const unsure: Acting = { ...ACTING, authority: { lease: async () => ok({ endsAtMs: Infinity, isUnconfirmed: true }) } };
    await put(under(layout('16')), ['unsure'], undefined, unsure);
    await Promise.all(world.copies);
    expect([held(), world.failures]).toEqual([DIGESTS.length, 0]);
  });

  it('[C66] move an entry only for the tenant that filled it, so that it is erased with that tenant', async () => {
    const { world, stores, under } = deployment();
    await put(under(layout('16')), DIGESTS);
    expect(await hits(under(layout('24', '16')), DIGESTS, actingFor('tn_two'))).toEqual(DIGESTS.toSorted());
    expect(world.copies).toEqual([]);
    expect(stores.get('20')?.totals().entries).toBe(0);
  });

  it('[C63] lose nothing when shards are removed', async () => {
    const { world, under } = deployment();
    await put(under(layout('24')), DIGESTS);
    expect(await hits(under(layout('16', '24')), DIGESTS)).toEqual(DIGESTS.toSorted());
    await Promise.all(world.copies);
    expect(await hits(under(layout('16')), DIGESTS)).toEqual(DIGESTS.toSorted());
  });

  it('[C63] look in former shards only during a move, and only for missing entries that moved', async () => {
    const { world, under } = deployment();
    await put(under(layout('24')), DIGESTS);
    world.calls.length = 0;
    await hits(under(layout('24', '16')), DIGESTS);
    expect(world.calls).toHaveLength(24);
    world.calls.length = 0;
    expect(await hits(under(layout('24', '24')), ['unknown'])).toEqual([]);
    expect(world.calls).toHaveLength(1);
  });
});
