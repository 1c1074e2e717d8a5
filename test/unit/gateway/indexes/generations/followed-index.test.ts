import { describe, expect, it } from 'vitest';

import type { Caller } from '../../../../../src/ann/access-mode.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import type { KeyedReceipt } from '../../../../../src/ann/receipts.ts';
import { locatorOf } from '../../../../../src/index/locators/locator-of.ts';
import type { ShardChanges, ShardFollow } from '../../../../../src/ann/store/change-log.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import type { FollowedObjects } from '../../../../../src/gateway/indexes/generations/followed-index.ts';
import { FollowedIndex } from '../../../../../src/gateway/indexes/generations/followed-index.ts';
import type { IndexId } from '../../../../../src/kernel/ids.ts';
import { ok } from '../../../../../src/kernel/result.ts';

const MANIFEST = { id: 'ix_1' as IndexId } as IndexManifest;

/** An index of some shards, each with one change to report; records the calls. */
class Objects implements FollowedObjects {
  version = 4;
  shards = [0, 2];
  readonly asked: (string | ShardFollow['after'])[] = [];
  page: Partial<Extract<ShardChanges, { kind: 'page' }>> = {};
  isCut = false;
  busyLocator: number | null = -1;
  readonly alone = new Set<IndexId>();

  async members({ id }: IndexManifest) {
    const version = this.alone.has(id) ? 0 : this.version;
    return ok({ version, shards: this.shards.map((ordinal) => ({ ordinal })), locators: 2 } as never);
  }
  async followedFrom(_: IndexManifest, shard: number, lsnMin: number) {
    return ok({ lsn: lsnMin + shard, row: 10 * shard });
  }
  async changesSince(_: IndexManifest, shard: number, { after }: ShardFollow) {
    this.asked.push(after);
    if (this.isCut && shard === 2) return ok({ kind: 'snapshot-needed' } as const);
    const vectors = { ids: [`in-${shard}`], namespaces: [''], values: new Float32Array(1), metadata: [null], texts: [null] };
    const removed = { ids: [`gone-${shard}`], namespaces: ['n'] };
    const next = { lsn: 50 + shard, row: 7 };
    return ok({
      kind: 'page',
      isCleared: false,
      removed,
      upserted: vectors,
      next,
      lsn: 50,
      isComplete: true,
      ...this.page,
    } as ShardChanges);
  }
  async receiptsBehind({ id }: IndexManifest, locator: number | null, after: number) {
    const holder = locator ?? 'shard';
    const done = locator === null ? [{ parts: 1, part: 0, lsn: 1 }] : [{ parts: 2, part: locator, lsn: 1 }];
    const receipt = { idempotencyKey: `${id} ${holder} ${after}`, digest: 'd', atMs: 1, done, billing: null };
    return ok({ receipts: after < 5 ? [receipt] : [], next: Math.max(after, 5) });
  }
  async adoptReceipts({ id }: IndexManifest, locator: number | null, receipts: readonly KeyedReceipt[], caller: Caller) {
    for (const { idempotencyKey } of receipts) this.asked.push(`${id} ${JSON.stringify(caller)} ${locator ?? 'shard'}: ${idempotencyKey}`);
    return this.busyLocator === locator ? refuse('stale_route', 'it is no longer alone') : ok(null);
  }
  async shardCount(_: IndexManifest, shard: number, caller: Caller) {
    return ok(isRun3(caller) ? 100 + shard : -1);
  }
  async locatorCount(_: IndexManifest, locator: number, caller: Caller) {
    return ok(isRun3(caller) ? 10 + locator : -1);
  }
  async setShardAccess(_: IndexManifest, shard: number, mode: string) {
    this.asked.push(`shard ${shard} ${mode}`);
    return ok(null);
  }
  async setLocatorAccess(_: IndexManifest, locator: number, mode: string) {
    this.asked.push(`locator ${locator} ${mode}`);
    return locator === this.busyLocator ? refuse('unavailable', 'a write is under way') : ok(null);
  }
}

const isRun3 = (caller: Caller): boolean => caller.kind === 'follower' && caller.fencingToken === 3;

const following = (change: (objects: Objects) => void = () => undefined) => {
  const objects = new Objects();
  change(objects);
  return { objects, index: new FollowedIndex(objects) };
};

describe('FollowedIndex', () => {
  it('[B42] begins at each shard where the last run ended, and returns changes of all of them', async () => {
    const { index, objects } = following();
    const begun = await index.begin(MANIFEST, { 0: { lsn: 5, row: 1 }, 7: { lsn: 9, row: 1 } });
    expect(begun).toEqual(ok({ 0: { lsn: 9, row: 0 }, 2: { lsn: 11, row: 20 } }));
    const told = await index.changes(MANIFEST, { 0: { lsn: 9, row: 0 }, 2: { lsn: 11, row: 20 } });
    expect(told).toEqual(
      ok({
        isCleared: false,
        changed: { ids: ['gone-0', 'in-0', 'gone-2', 'in-2'], namespaces: ['n', '', 'n', ''] },
        next: { 0: { lsn: 50, row: 7 }, 2: { lsn: 52, row: 7 } },
        isComplete: true,
      }),
    );
    expect(objects.asked).toEqual([
      { lsn: 9, row: 0 },
      { lsn: 11, row: 20 },
    ]);
  });

  it('[B42] follows a shard that was added meanwhile from its beginning', async () => {
    const { index, objects } = following();
    expect(await index.changes(MANIFEST, { 0: { lsn: 9, row: 3 } })).toMatchObject({ value: { next: { 0: {}, 2: {} } } });
    expect(objects.asked).toEqual([
      { lsn: 9, row: 3 },
      { lsn: 0, row: 0 },
    ]);
  });

  it('[B42] cannot continue from a merged shard, a truncated log, or a deletion of everything by one shard', async () => {
    const at = { lsn: 1, row: 1 };
    expect(await following().index.changes(MANIFEST, { 0: at, 1: at, 2: at })).toEqual(ok(null));
    expect(await following((objects) => (objects.isCut = true)).index.changes(MANIFEST, { 0: at, 2: at })).toEqual(ok(null));
    const cleared = (objects: Objects) => void (objects.page = { isCleared: true });
    expect(await following(cleared).index.changes(MANIFEST, { 0: at, 2: at })).toEqual(ok(null));
    const alone = following((objects) => (cleared(objects), (objects.version = 0), (objects.shards = [])));
    expect(await alone.index.changes(MANIFEST, { 0: at })).toMatchObject({ value: { isCleared: true, next: { 0: {} } } });
  });

  it('[B45] copies receipts to the objects that need them, page by page, and returns its position', async () => {
    const other = { id: 'ix_2' as IndexId } as IndexManifest;
    const carriage = { from: MANIFEST, to: other, run: 7 };
    const between = async (fromAlone: boolean, toAlone: boolean, after: Record<string, number> | null = null) => {
      const { index, objects } = following();
      if (fromAlone) objects.alone.add(MANIFEST.id);
      if (toAlone) objects.alone.add(other.id);
      return [await index.carryReceipts(carriage, after), objects.asked];
    };
    const run7 = `ix_2 ${JSON.stringify({ kind: 'follower', fencingToken: 7 })}`;
    const both = ok({ 'locator 0': 5, 'locator 1': 5 });
    expect(await between(false, false)).toEqual([both, [`${run7} 0: ix_1 0 0`, `${run7} 1: ix_1 1 0`]]);
    expect(await between(false, true)).toEqual([both, [`${run7} shard: ix_1 0 0`, `${run7} shard: ix_1 1 0`]]);
    expect(await between(true, true, { shard: 2 })).toEqual([ok({ shard: 5 }), [`${run7} shard: ix_1 shard 2`]]);
    const home = locatorOf('', 'ix_1 shard 0', 2);
    expect(await between(true, false)).toEqual([ok({ shard: 5 }), [`${run7} ${home}: ix_1 shard 0`]]);
    expect(await between(false, false, { 'locator 0': 5, 'locator 1': 9 })).toEqual([ok({ 'locator 0': 5, 'locator 1': 9 }), []]);
    const { index, objects } = following((busy) => (busy.busyLocator = 1));
    expect(await index.carryReceipts(carriage, null)).toMatchObject({ error: { code: 'stale_route' } });
    expect(objects.asked.length).toBe(2);
  });

  it('[B42] counts ids in locators, because shards have some vectors twice', async () => {
    expect(await following().index.count(MANIFEST, 3)).toEqual(ok(21));
    expect(await following((objects) => (objects.version = 0)).index.count(MANIFEST, 3)).toEqual(ok(100));
  });

  it('[B43] stops locators before their shards are sealed, resumes them after; stops at a refusal', async () => {
    const { index, objects } = following();
    await index.setAccess(MANIFEST, 'sealed', 3);
    expect(objects.asked).toEqual(['locator 0 sealed', 'locator 1 sealed', 'shard 0 sealed', 'shard 2 sealed']);
    objects.asked.length = 0;
    await index.setAccess(MANIFEST, 'open', 3);
    expect(objects.asked).toEqual(['shard 0 open', 'shard 2 open', 'locator 0 open', 'locator 1 open']);
    objects.asked.length = 0;
    objects.busyLocator = 1;
    expect(await index.setAccess(MANIFEST, 'sealed', 3)).toMatchObject({ error: { code: 'unavailable' } });
    expect(objects.asked).toEqual(['locator 0 sealed', 'locator 1 sealed']);
  });
});
