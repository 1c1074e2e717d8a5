import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import type { LocatorObject } from '../../../durable-objects/locator-object.ts';
import { residueOf } from '../../../durable-objects/stored-cell.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { locatorName } from '../../../src/index/index-manifest.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { between, create, Gateway, indexOf, LOCATOR, manifestOf, modes, objectsOf, range, untilShards } from './grown-index.ts';

/** A locator's alarm is set for the expiry of its oldest receipt; any write sets it to an earlier time. */
async function expectSweepsOfReceipts(manifest: IndexManifest): Promise<void> {
  const locator = LOCATOR.getByName(locatorName(manifest, 0));
  await locator.claim({ indexId: manifest.id }, { idempotencyKey: 'swept', digest: 'd' });
  await runDurableObjectAlarm(locator);
  await runInDurableObject(locator, async (object: LocatorObject, { storage }) => {
    expect(await storage.getAlarm()).toBeGreaterThan(Date.now() + INDEX_LIMITS.upsertReceiptTtlMs / 2);
    await object.removeIds({ indexId: manifest.id }, { ids: ['absent'], namespaces: [''], expected: null, lsnSeen: 0 });
    expect(await storage.getAlarm()).toBeLessThan(Date.now() + 2 * INDEX_LIMITS.locatorRetryMs);
  });
}

describe.each(modes('evicted between calls'))('[RT9, RT39, RT40] an index that grows, %s', (mode) => {
  it('splits while read and written, finds everything, deletes by filter and completely, leaves nothing', async () => {
    const gateway = await create(manifestOf(`grows-${mode.slice(0, 3)}`));
    const { manifest } = gateway;
    const stale = new Gateway(manifest);
    await stale.fetch(['nothing']);
    const early = await gateway.write(range(0, 20), 'early');
    await gateway.write(range(0, 100));
    let next = 100;
    const table = await untilShards(
      mode,
      gateway,
      ({ shards }) => shards.length >= 4,
      async (round) => {
        if (round < 30) await gateway.write(range(next, (next += 2)));
        await gateway.write([`v${round % 50}`]);
        const id = `v${(round * 7) % 50}`;
        const [found] = [await gateway.query({ kind: 'id', id }, 1, false)];
        expect(found.scores[0]).toBeCloseTo(1, 5);
      },
    );
    expect(table.highest).toBeGreaterThanOrEqual(3);
    // The shard that answered is one of several now and has the first one's receipts; every id was written since.
    expect(await gateway.repeat(range(0, 20), 'early')).toEqual(early);
    await gateway.expectAll();
    const counted = await gateway.ask((shards, { id: indexId }) =>
      shards.of({ ...manifest, routeVersion: 1 }).read('count', { indexId, namespace: '', filter: null }),
    );
    expect([counted.count, counted.lsn > 0]).toEqual([gateway.written.size, true]);
    // An isolate with an old manifest is corrected.
    expect((await stale.fetch(['v1', 'v60'])).ids).toEqual(['v1', 'v60']);

    const first = await gateway.write(range(0, 12), 'once');
    await gateway.write(range(0, 6));
    await between(mode, manifest);
    expect(await gateway.repeat(range(0, 12), 'once')).toEqual(first);
    await gateway.expectAll();
    await expectSweepsOfReceipts(manifest);
    const liked = await gateway.query({ kind: 'examples', positive: ['v1', 'v2'], negative: ['v3'] }, 8, true);
    expect(liked.ids).toHaveLength(8);
    for (const id of ['v1', 'v2', 'v3']) expect(liked.ids).not.toContain(id);
    await expect(gateway.query({ kind: 'id', id: 'absent' }, 1, false)).rejects.toThrow('vector_not_found');
    const diverse = await gateway.query({ kind: 'id', id: 'v5' }, 5, true, { mmr: { diversity: 0.7, candidates: 40 } });
    expect(new Set(diverse.ids).size).toBe(5);
    const even = { kind: 'equals', path: 'even', values: [true] };
    const filtered = await gateway.query({ kind: 'id', id: 'v5' }, 500, false, { filter: even });
    expect(filtered.ids.length).toBe([...gateway.written.values()].filter(({ metadata }) => metadata.includes('true')).length);
    // [V190] Each of several searches answers as it would alone, in fewer calls. A shard is called again where its routes changed meanwhile.
    const around = Array.from({ length: 6 }, (_, i) => ({ kind: 'id', id: `v${7 * i + 1}` }) as const);
    gateway.sharedCalls.length = 0;
    const together = await gateway.queryAll(around, 4);
    expect(gateway.sharedCalls.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(gateway.sharedCalls.length);
    const alone = await Promise.all(around.map((target) => gateway.query(target, 4, false)));
    expect(together.map(({ ids, scores, metadata }) => ({ ids, scores, metadata }))).toEqual(
      alone.map(({ ids, scores, metadata }) => ({ ids, scores, metadata })),
    );

    const evens = [...gateway.written].filter(([, { metadata }]) => metadata.includes('true')).map(([id]) => id);
    expect(await gateway.delete({ kind: 'filter', namespace: '', filter: even, after: 0 })).toMatchObject({
      count: evens.length,
      next: null,
    });
    for (const id of evens) gateway.written.delete(id);
    await between(mode, manifest);
    await gateway.expectAll();
    expect(await gateway.delete({ kind: 'ids', namespace: '', ids: ['v1', 'v1', 'absent'] })).toMatchObject({ count: 1 });
    gateway.written.delete('v1');
    const left = gateway.written.size;
    expect(await gateway.delete({ kind: 'all' })).toMatchObject({ count: left });
    gateway.written.clear();
    await gateway.expectAll();
    await gateway.write(range(0, 3));
    await gateway.expectAll();

    const everything = await objectsOf(manifest);
    expect(await indexOf(manifest).remove(manifest.name)).toMatchObject({ ok: true, value: { id: manifest.id, vectors: 3 } });
    for (const stub of everything) {
      expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual({ tables: 0, keys: 0, hasAlarm: false });
    }
  });
});
