import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import { residueOf } from '../../../durable-objects/stored-cell.ts';
import { slotsOf } from '../../../src/index/routing/route-table.ts';
import { ALL_SLOTS } from '../../../src/index/routing/slot-range.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import { between, create, indexOf, manifestOf, modes, objectsOf, range, untilShards } from './grown-index.ts';

describe.each(modes('resident'))('[RT16, RT17] an index of equal vectors, %s', (mode) => {
  it('splits, finds top_k of them, and deletes the given ids', async () => {
    const equal = new Clusters({ dimensions: 4, count: 1, spread: 0, seed: 3 });
    const gateway = await create(manifestOf(`equal-${mode.slice(0, 3)}`), equal);
    const { manifest } = gateway;
    await gateway.write(range(0, 90));
    const table = await untilShards(
      mode,
      gateway,
      ({ shards }) => shards.length >= 4,
      async (round) => void (await gateway.write([`v${round % 90}`])),
    );
    const slots = table.shards.map(slotsOf).toSorted((a, b) => a.from - b.from);
    expect([slots[0]?.from, slots.at(-1)?.to]).toEqual([0, ALL_SLOTS.to]);
    for (const [i, { from }] of slots.slice(1).entries()) expect(from).toBe(slots[i]?.to);
    await gateway.expectAll();
    const found = await gateway.query({ kind: 'id', id: 'v5' }, 1000, false);
    expect(new Set(found.ids)).toEqual(new Set(gateway.written.keys()));
    const few = await gateway.query({ kind: 'id', id: 'v5' }, 10, false);
    expect(few.ids).toEqual([...gateway.written.keys()].toSorted().slice(0, 10));

    await between(mode, manifest);
    expect(await gateway.delete({ kind: 'ids', namespace: '', ids: few.ids })).toMatchObject({ count: 10 });
    for (const id of few.ids) gateway.written.delete(id);
    await gateway.expectAll();
    const left = gateway.written.size;
    expect(await gateway.delete({ kind: 'all' })).toMatchObject({ count: left });
    gateway.written.clear();
    await gateway.expectAll();
    const everything = await objectsOf(manifest);
    expect(await indexOf(manifest).remove(manifest.name)).toMatchObject({ ok: true, value: { vectors: 0 } });
    for (const stub of everything) {
      expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual({ tables: 0, keys: 0, hasAlarm: false });
    }
  });
});
