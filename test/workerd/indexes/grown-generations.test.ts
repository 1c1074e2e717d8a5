import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import { residueOf } from '../../../durable-objects/stored-cell.ts';
import { followerWith } from '../../../src/ann/access-mode.ts';
import type { Generations, Shadow } from '../../../src/index/generations/generation-state.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { locatorName } from '../../../src/index/index-manifest.ts';
import { ownKey } from '../../../src/ann/receipts.ts';
import { locatorOf } from '../../../src/index/locators/locator-of.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { FollowedIndex } from '../../../src/gateway/indexes/generations/followed-index.ts';
import { GenerationWork } from '../../../src/gateway/indexes/generations/generation-work.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { DurableFollowedObjects, DurableGenerations } from '../../../workers/gateway/adapters/indexes/durable-generations.ts';
import type { Gateway, Mode } from './grown-index.ts';
import {
  between,
  create,
  INDEX,
  LOCATOR,
  manifestOf,
  modes,
  objectsOf,
  range,
  routesOf,
  SHARD,
  untilShards,
  value,
} from './grown-index.ts';

const NOTHING = { tables: 0, keys: 0, hasAlarm: false };
const OWNER = { organisationId: 'org_one', tenantId: 'tn_grow', projectId: null, keyId: 'key_one', owner: 'tests' };

const shadowOf = (manifest: IndexManifest) =>
  ({
    manifest,
    phase: 'opening',
    hasServed: false,
    owner: OWNER,
    feed: null,
    filled: null,
    copied: 0,
    tokens: 0,
    comparison: null,
    fault: null,
    dropsMissing: false,
  }) as unknown as Shadow;

/** The worker on the generations of an index, and the operator's calls. */
class Operator {
  readonly #gateway: Gateway;
  readonly #mode: Mode;
  readonly #store = new DurableGenerations(INDEX);
  readonly #work: GenerationWork;

  constructor(gateway: Gateway, mode: Mode) {
    this.#gateway = gateway;
    this.#mode = mode;
    const absent = () => Promise.reject(new Error('vectors are taken over as they are'));
    this.#work = new GenerationWork({
      store: this.#store,
      followed: new FollowedIndex(new DurableFollowedObjects({ INDEX, LOCATOR, SHARD })),
      shards: gateway.shards,
      embedder: { contractOf: absent, embed: absent },
      budget: { reserve: absent } as never,
      clock: { nowMs: () => Date.now() },
      authorityOf: absent as never,
    });
  }

  async call(call: Parameters<DurableGenerations['call']>[2]): Promise<Outcome<Generations>> {
    return this.#store.call(this.#gateway.manifest.tenantId, this.#gateway.manifest.name, call, null);
  }

  async state(): Promise<Generations> {
    return value(await this.call({ kind: 'read' }));
  }

  /** Works until the condition holds, with alarms, evictions and writes in between. */
  async until(isSo: (state: Generations) => boolean | Promise<boolean>, each: (round: number) => Promise<void>): Promise<Generations> {
    const { tenantId, name } = this.#gateway.manifest;
    for (let round = 0; round < 120; round += 1) {
      const state = await this.state();
      if (await isSo(state)) return state;
      await this.#work.advance(tenantId, name);
      for (const manifest of [state.serving, ...(state.shadow === null ? [] : [state.shadow.manifest])]) {
        for (const stub of await objectsOf(manifest)) await runDurableObjectAlarm(stub);
        await between(this.#mode, manifest);
      }
      await each(round);
      await scheduler.wait(20);
    }
    throw new Error(`never: ${JSON.stringify(await this.state())}`);
  }

  async activate(): Promise<void> {
    for (;;) {
      const { version, shadow } = await this.state();
      const event = { kind: 'activation', generation: shadow!.manifest.id, dropsMissing: false } as const;
      const begun = await this.call({ kind: 'change', version, event });
      if (begun.ok) return;
      expect(begun.error.code).toBe('unavailable');
      for (const stub of await objectsOf(shadow!.manifest)) await runDurableObjectAlarm(stub);
    }
  }
}

/** Has one locator write its part of a request, as if the gateway had died before it called the others. */
async function writeHalf(gateway: Gateway, ids: readonly string[], idempotencyKey: string): Promise<string[]> {
  const { manifest } = gateway;
  const locator = locatorOf('', ids[0]!, 8);
  const part = ids.filter((id) => locatorOf('', id, 8) === locator);
  const { version, shards } = await routesOf(manifest);
  const vectors = part.map(() => gateway.vectors.next());
  const values = new Float32Array(vectors.flatMap((vector) => [...vector]));
  const metadata = part.map((id) => JSON.stringify({ half: id }));
  const columns = { namespaces: part.map(() => ''), metadata, texts: part.map(() => null) };
  const written = await LOCATOR.getByName(locatorName(manifest, locator)).write(
    { indexId: manifest.id },
    {
      ids: part,
      values,
      ...columns,
      routeVersion: version,
      places: part.map(() => [shards[0]!.ordinal]),
      idempotency: { idempotencyKey, digest: ids.join() },
      lsnSeen: 0,
    },
  );
  expect(written).toMatchObject({ ok: true, value: { count: part.length } });
  part.forEach((id, i) => gateway.written.set(id, { values: vectors[i]!, metadata: metadata[i]! }));
  return part;
}

describe.each(modes('evicted between calls'))('[B42][B43][B45][RT41] generations of many shards, %s', (mode) => {
  it('are filled while both split, switched without losing a write, rolled back, and fully erased', async () => {
    const gateway = await create(manifestOf(`both-${mode.slice(0, 3)}`));
    const { manifest } = gateway;
    const early = await gateway.write(range(0, 10), 'early');
    await gateway.write(range(0, 90));
    await untilShards(mode, gateway, ({ shards }) => shards.length >= 2);
    const later = await gateway.write(range(10, 20), 'later');
    await gateway.write(range(10, 16));
    const half = await writeHalf(gateway, range(70, 90), 'half');
    // The same for a request that came without a key.
    const tried = await writeHalf(gateway, range(1_000, 1_020), ownKey('try'));
    // Splits continue while the other generation is filled.
    await gateway.write(range(90, 150));
    const operator = new Operator(gateway, mode);
    const other: IndexManifest = { ...manifest, id: `${manifest.id}_two` as IndexId, generation: 2, metric: 'l2' };
    value(await operator.call({ kind: 'begin', shadow: shadowOf(other), creation: { idempotencyKey: null, bodyDigest: '' } }));

    let next = 150;
    const write = async (round: number): Promise<void> => {
      await gateway.write([...range(next, (next += round < 12 ? 3 : 0)), `v${(round * 7) % 60}`]);
      const gone = `v${60 + (round % 20)}`;
      await gateway.delete({ kind: 'ids', namespace: '', ids: [gone] });
      gateway.written.delete(gone);
    };
    const isGrown = async ({ id }: IndexManifest) => (await routesOf({ ...manifest, id })).shards.length >= 3;
    await operator.until(async ({ shadow }) => shadow?.phase === 'following' && (await isGrown(other)) && isGrown(manifest), write);

    await operator.activate();
    const isDone = (id: IndexId) => (state: Generations) => state.serving.id === id && state.shadow?.phase === 'following';
    await operator.until(isDone(other.id), write);
    await gateway.expectAll();
    const expectRepeated = async (): Promise<void> => {
      expect(await gateway.repeat(range(0, 10), 'early')).toEqual(early);
      expect(await gateway.repeat(range(10, 20), 'later')).toEqual(later);
      await gateway.expectAll();
    };
    await expectRepeated();
    // Later writes stay, although the gateway retries the rest of the request in the other generation.
    await gateway.write(tried.slice(0, 1));
    expect(await gateway.finish(range(1_000, 1_020), tried, ownKey('try'))).toMatchObject({ count: 20 });
    await gateway.expectAll();
    // Deletions of ids that a cut-off request had written stay when it is finished.
    await gateway.delete({ kind: 'ids', namespace: '', ids: half });
    const finished = await gateway.finish(range(70, 90), half, 'half');
    for (const id of half) gateway.written.delete(id);
    expect(finished).toMatchObject({ count: 20 });
    await write(3);
    await gateway.expectAll();
    await operator.activate();
    await operator.until(isDone(manifest.id), write);
    await expectRepeated();
    expect(await gateway.repeat(range(70, 90), 'half')).toEqual(finished);
    await gateway.expectAll();
    // The shadow has the same number of vectors, without spilled copies being counted.
    const followed = new FollowedIndex(new DurableFollowedObjects({ INDEX, LOCATOR, SHARD }));
    const { version } = await operator.until(isDone(manifest.id), async () => undefined);
    await operator.until(
      async () => value(await followed.count(other, version)) === gateway.written.size,
      async () => undefined,
    );

    const everything = [...(await objectsOf(manifest)), ...(await objectsOf(other))];
    expect(everything.length).toBeGreaterThan(20);
    const index = INDEX.getByName(`${manifest.tenantId}:${manifest.name}`);
    expect(await index.remove(manifest.name)).toMatchObject({ ok: true, value: { vectors: gateway.written.size } });
    for (const stub of everything) {
      expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual(NOTHING);
    }
  });
});

it('[B45][RT41] a generation of one shard completes a request that one of many shards began', async () => {
  const gateway = await create(manifestOf('fewer'));
  const { manifest } = gateway;
  await gateway.write(range(0, 60));
  await untilShards('resident', gateway, ({ shards }) => shards.length >= 2);
  const whole = await gateway.write(range(0, 30), 'whole');
  const half = await writeHalf(gateway, range(30, 60), 'half');
  const tried = await writeHalf(gateway, range(1_000, 1_020), ownKey('try'));
  await gateway.write([...range(0, 10), half[0]!, tried[0]!]);
  const operator = new Operator(gateway, 'resident');
  const other: IndexManifest = { ...manifest, id: `${manifest.id}_two` as IndexId, generation: 2, metric: 'l2', shardVectorsMax: 10_000 };
  value(await operator.call({ kind: 'begin', shadow: shadowOf(other), creation: { idempotencyKey: null, bodyDigest: '' } }));
  const nothing = async () => undefined;
  await operator.until(({ shadow }) => shadow?.phase === 'following', nothing);
  await operator.activate();
  await operator.until(({ serving, shadow }) => serving.id === other.id && shadow?.phase === 'following', nothing);
  expect((await routesOf(other)).version).toBe(0);
  expect(await gateway.repeat(range(0, 30), 'whole')).toEqual(whole);
  await gateway.expectAll();
  expect(await gateway.finish(range(1_000, 1_020), tried, ownKey('try'))).toMatchObject({ count: 20 });
  await gateway.expectAll();
  const finished = await gateway.finish(range(30, 60), half, 'half');
  expect(finished).toMatchObject({ count: 30, lsn: (await gateway.stats()).lsn });
  await gateway.expectAll();
  // From here, several shards take over the receipts of the one.
  await operator.activate();
  await operator.until(({ serving, shadow }) => serving.id === manifest.id && shadow?.phase === 'following', nothing);
  expect(await gateway.repeat(range(0, 30), 'whole')).toEqual(whole);
  expect(await gateway.repeat(range(30, 60), 'half')).toEqual(finished);
  await gateway.expectAll();
});

it('[B43] a sealed locator answers when no write is in progress, and then admits only followers', async () => {
  const gateway = await create(manifestOf('sealed'));
  const { manifest } = gateway;
  await gateway.write(range(0, 60));
  await untilShards('resident', gateway, ({ shards }) => shards.length >= 2);
  const locators = Array.from({ length: 8 }, (_, ordinal) => LOCATOR.getByName(locatorName(manifest, ordinal)));
  const writing = Promise.allSettled(Array.from({ length: 10 }, (_, i) => gateway.write(range(10 * i, 10 * i + 10))));
  for (const locator of locators) expect(await locator.setAccess(manifest.id, 'sealed', 4)).toMatchObject({ ok: true });
  for (const locator of locators) {
    expect(await runInDurableObject(locator, (_, { storage }) => storage.sql.exec('SELECT * FROM operations').toArray())).toEqual([]);
    expect(await locator.clear({ indexId: manifest.id }, 0)).toMatchObject({ ok: false, error: { code: 'index_moving' } });
    expect(await locator.counts({ indexId: manifest.id })).toMatchObject({ ok: true });
  }
  await writing;
  const [locator] = locators;
  expect(await locator!.setAccess(manifest.id, 'open', 3)).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
  expect(await locator!.setAccess(manifest.id, 'closed', 5)).toMatchObject({ ok: true });
  expect(await locator!.counts({ indexId: manifest.id })).toMatchObject({ ok: false, error: { code: 'index_moving' } });
  expect(await locator!.clear({ indexId: manifest.id, caller: followerWith(4) }, 0)).toMatchObject({
    ok: false,
    error: { code: 'stale_fence' },
  });
  expect(await locator!.clear({ indexId: manifest.id, caller: followerWith(6) }, 0)).toMatchObject({ ok: true });
  expect(await locator!.clear({ indexId: manifest.id, caller: followerWith(5) }, 0)).toMatchObject({
    ok: false,
    error: { code: 'stale_fence' },
  });
});
