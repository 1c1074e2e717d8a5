import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import { residueOf } from '../../../durable-objects/stored-cell.ts';
import type { RegionPage } from '../../../src/index/routing/routing-summary.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { between, create, Gateway, indexOf, manifestOf, MODES, objectsOf, range, untilShards, value } from './grown-index.ts';

describe('[RT38] an index of several shard groups, evicted between calls', () => {
  it('is written, searched, split and deleted like any other, also with cached old shard groups', async () => {
    const [, mode] = MODES;
    const gateway = await create(manifestOf('groups'));
    const { manifest } = gateway;
    await gateway.write(range(0, 100));
    const some = await untilShards(mode, gateway, ({ shards }) => shards.length >= 4);
    const old = new Gateway(manifest);
    await old.query({ kind: 'id', id: 'v1' }, 1, false);
    await gateway.write(range(100, 260));
    const summary = await untilShards(mode, gateway, ({ shards }) => shards.length > some.shards.length + 3);
    expect(summary.groups.length).toBeGreaterThan(2);
    const pages = summary.groups.map(async ({ number, since }) =>
      value((await indexOf(manifest).regions(manifest.name, manifest.id, number, since)) as Outcome<RegionPage>),
    );
    const told = (await Promise.all(pages)).flatMap(({ ordinals }) => [...ordinals]);
    expect(told.toSorted((a, b) => a - b)).toEqual(summary.shards.map(({ ordinal }) => ordinal));

    await gateway.expectAll();
    for (const id of ['v2', 'v50', 'v99']) expect((await old.query({ kind: 'id', id }, 1, false)).scores[0]).toBeCloseTo(1, 5);
    await between(mode, manifest);
    for (const id of ['v120', 'v200', 'v259']) expect((await gateway.query({ kind: 'id', id }, 1, false)).scores[0]).toBeCloseTo(1, 5);
    await gateway.write(range(0, 20));
    await gateway.expectAll();

    const kept = await runInDurableObject(indexOf(manifest), (_, { storage }) => [...storage.kv.list()]);
    const groups = kept.filter(([key]) => key.includes('district:'));
    expect(groups.length, 'groups keep the name under which they were first stored').toBe(
      (await untilShards(mode, gateway, () => true)).groups.length,
    );
    const shards = kept.flatMap(([key, shard]) => (key.includes('routed:') ? [shard as { district?: number; group?: number }] : []));
    expect(shards.some(({ district = 0 }) => district > 0)).toBe(true);
    expect(shards.some(({ group }) => group !== undefined)).toBe(false);

    const everything = await objectsOf(manifest);
    expect(await indexOf(manifest).remove(manifest.name)).toMatchObject({ ok: true, value: { vectors: gateway.written.size } });
    for (const stub of everything) {
      expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual({ tables: 0, keys: 0, hasAlarm: false });
    }
  });
});
