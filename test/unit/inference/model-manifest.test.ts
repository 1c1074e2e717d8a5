import { expect, it } from 'vitest';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { LoadOnce } from '../../../src/inference/load-once.ts';
import { findVersion, readModelFile, parseModelCatalogue } from '../../../src/inference/model-manifest.ts';
import { ok } from '../../../src/kernel/result.ts';
import { manifestOf, modelFile } from '../../support/fixtures/default-model.ts';

const serving = (bytes: Uint8Array<ArrayBuffer> | undefined) => ({ read: () => Promise.resolve(bytes) });

it('[M7] reads the file of the manifest', async () => {
  const read = await readModelFile(serving(modelFile), manifestOf('static'));
  // Compared at once: an assertion byte by byte takes seconds.
  expect(read.ok && Buffer.compare(read.value, modelFile)).toBe(0);
});

it('[M7] refuses any other bytes', async () => {
  const altered = modelFile.slice();
  altered[altered.length >> 1]! ^= 1;
  for (const bytes of [undefined, new Uint8Array(), modelFile.subarray(1), altered])
    expect(await readModelFile(serving(bytes), manifestOf('static'))).toMatchObject({ ok: false, error: { code: 'unavailable' } });
});

it('[M9] loads once for all callers, and again only after a failure', async () => {
  const outcomes: (() => Outcome<string>)[] = [
    () => {
      throw new Error('lost');
    },
    () => refuse('unavailable', 'not yet'),
    () => ok('model'),
  ];
  let loads = 0;
  const once = new LoadOnce<string>(() => Promise.resolve().then(() => outcomes[loads++]!()), {
    clock: { nowMs: () => 0 },
    wakeUps: new DirectWakeUps(),
    retryMs: 0,
  });
  const together = () => Promise.allSettled([once.get(), once.get(), once.get()]);
  expect((await together()).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(loads).toBe(1);
  expect(await Promise.all([once.get(), once.get()])).toMatchObject([{ ok: false }, { ok: false }]);
  expect(loads).toBe(2);
  expect(await once.get()).toEqual(ok('model'));
  expect(await once.get()).toEqual(ok('model'));
  expect(loads).toBe(3);
});

it('[C89] a refused load is returned to all callers during the pause, and then retried', async () => {
  const outcomes: Outcome<string>[] = [refuse('unavailable', 'not yet'), refuse('unavailable', 'not yet'), ok('model')];
  let [loads, nowMs] = [0, 0];
  const once = new LoadOnce<string>(async () => outcomes[loads++]!, {
    clock: { nowMs: () => nowMs },
    wakeUps: new DirectWakeUps(),
    retryMs: 1000,
  });
  const crowd = async () => {
    for (let call = 0; call < 20; call++) await once.get();
    return loads;
  };
  expect(await crowd()).toBe(1);
  nowMs = 999;
  expect(await crowd()).toBe(1);
  nowMs = 1000;
  expect(await crowd()).toBe(2);
  nowMs = 2000;
  expect([await crowd(), await once.get()]).toEqual([3, ok('model')]);
  nowMs = 1e9;
  expect(await crowd()).toBe(3);
});

it('[M65] a name is its newest version; what is pinned to a contract stays with the version that has it', () => {
  const [first, second] = [manifestOf('static', '1'), manifestOf('static', '2')];
  const catalogue = [first, manifestOf('onnx', '1'), second, manifestOf('onnx', '2')];
  const { id } = first;
  expect(findVersion(catalogue, id)).toBe(second);
  expect(findVersion(catalogue, id, first.contractHash)).toBe(first);
  expect(findVersion(catalogue, id, second.contractHash)).toBe(second);
  expect(findVersion(catalogue, id, 'a contract that is served no more')).toBe(second);
  expect(findVersion(catalogue, `${id}@1`)).toBe(first);
  expect(findVersion(catalogue, `${id}@1`, second.contractHash)).toBe(first);
  for (const name of [`${id}@3`, `${id}@`, '@1', '', 'other']) expect(findVersion(catalogue, name)).toBeUndefined();
});

it('[M8] an invalid manifest is a defect', () => {
  const { contractHash: _, ...incomplete } = manifestOf('static');
  for (const json of [undefined, {}, { models: [] }, { models: [incomplete] }])
    expect(() => parseModelCatalogue(json)).toThrow(/expected|Invalid|small/i);
});
