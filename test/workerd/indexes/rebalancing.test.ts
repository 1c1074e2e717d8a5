import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import { residueOf } from '../../../durable-objects/stored-cell.ts';
import type { Misplacement } from '../../../src/index/resharding/misplacement.ts';
import { create, indexOf, manifestOf, MODES, objectsOf, range, routesOf, untilShards } from './grown-index.ts';

it('[RT21][RT22] shards of a calm index rebalance one by one under reads and writes', async () => {
  const [, mode] = MODES;
  const gateway = await create(manifestOf('tidies'));
  const { manifest } = gateway;
  await gateway.write(range(0, 120));
  const grown = await untilShards(mode, gateway, ({ shards }) => shards.length >= 4);
  const index = indexOf(manifest) as unknown as DurableObjectStub;
  const disorder = () => runInDurableObject(index, (_, { storage }) => storage.kv.get<Misplacement>('disorder')!);
  const alarmMs = () => runInDurableObject(index, (_, { storage }) => storage.getAlarm());
  const { changes, tidied } = await disorder();
  expect([changes >= grown.shards.length - 1, Object.values(tidied).every((at) => at === 0)]).toEqual([true, true]);
  // It looks at no rows until regions have been stable for a while.
  await runDurableObjectAlarm(index);
  expect(await alarmMs()).toBeGreaterThan(Date.now() + 30_000);
  const letTimePass = async () => {
    const known = await disorder();
    await runInDurableObject(index, (_, { storage }) => storage.kv.put('disorder', { ...known, lastMs: 0 }));
    await evictDurableObject(index);
  };

  let tidying = 0;
  let next = 120;
  for (let isTidy = false; !isTidy;) {
    await letTimePass();
    await untilShards(
      mode,
      gateway,
      () => true,
      async (round) => {
        const { shards } = await routesOf(manifest);
        tidying = Math.max(tidying, shards.filter(({ state }) => state.kind === 'tidying').length);
        if (round % 8 === 0 && next < 126) await gateway.write(range(next, (next += 1)));
        const id = `v${(round * 7) % 120}`;
        expect((await gateway.query({ kind: 'id', id }, 1, false)).scores[0]).toBeCloseTo(1, 5);
      },
    );
    const known = await disorder();
    isTidy = Object.values(known.tidied).every((at) => at === known.changes);
  }
  expect(tidying, 'shards tidied at once').toBe(1);
  await gateway.expectAll();

  const everything = await objectsOf(manifest);
  expect(await indexOf(manifest).remove(manifest.name)).toMatchObject({ ok: true, value: { vectors: gateway.written.size } });
  for (const stub of everything) {
    expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual({ tables: 0, keys: 0, hasAlarm: false });
  }
});
