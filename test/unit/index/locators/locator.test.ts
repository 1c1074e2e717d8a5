import { expect, it } from 'vitest';

import { SqliteLocatorStore } from '../../../../src/index/locators/sqlite-locator-store.ts';
import { WHOLE } from '../../../../src/ann/receipts.ts';
import type { KnownRoutes } from '../../../../src/index/routing/known-routes.ts';
import type { LocatorPeers } from '../../../../src/index/locators/locator.ts';
import { Locator } from '../../../../src/index/locators/locator.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { RowsCleared } from '../../../../src/ann/rows.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const GONE = refuse('unavailable', 'the shard cannot be reached');

/** A locator whose shard answers when the test resolves the call. */
function world() {
  const answers: ((outcome: Outcome<{ readonly lsn: number }>) => void)[] = [];
  const lsnsSent: number[] = [];
  const later = (_: number, { lsnSeen }: { readonly lsnSeen: number }) => {
    lsnsSent.push(lsnSeen);
    return new Promise<Outcome<{ readonly lsn: number }>>((resolve) => void answers.push(resolve));
  };
  const told: { routes: Outcome<KnownRoutes>; cleared: Outcome<RowsCleared> } = { routes: GONE, cleared: GONE };
  const peers: LocatorPeers = { routes: async () => told.routes, put: later, remove: later, clear: async () => told.cleared };
  const sql = new NodeSql();
  const start = () => new Locator({ indexId: 'ix_rest' as IndexId, ordinal: 0 }, new SqliteLocatorStore(sql, WHOLE), peers, () => 0);
  const locator = start();
  const write = (id: string, lsnSeen = 0, idempotencyKey?: string, at: Locator = locator) =>
    at.write({
      ids: [id],
      namespaces: [''],
      values: Float32Array.of(1),
      metadata: [null],
      texts: [null],
      places: [[0]],
      routeVersion: 1,
      idempotency: idempotencyKey === undefined ? null : { idempotencyKey, digest: id },
      lsnSeen,
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { locator, start, write, answers, lsnsSent, settled, sql, told };
}

it('[B43] a locator is at rest when all its accepted writes are done', async () => {
  const { locator, write, answers, settled } = world();
  const writes = [write('a'), write('a'), write('b')];
  let isAtRest: boolean | undefined;
  const resting = locator.comeToRest().then((rests) => (isAtRest = rests));
  for (let answered = 0; answered < 3; answered += 1) {
    await settled();
    expect(isAtRest).toBe(undefined);
    answers.shift()!(ok({ lsn: 5 + answered }));
  }
  await resting;
  expect(isAtRest).toBe(true);
  for (const written of writes) expect(await written).toMatchObject({ ok: true });
  expect(await locator.remove({ ids: ['absent'], namespaces: [''], expected: null, lsnSeen: 0 })).toMatchObject({
    value: { count: 0, lsn: 7 },
  });
});

it('[B43] a locator that cannot finish a write reports that it is not at rest', async () => {
  const { locator, write, answers, settled } = world();
  const writing = write('a');
  await settled();
  answers.shift()!(GONE);
  expect(await writing).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  const resting = locator.comeToRest();
  await settled();
  answers.shift()!(GONE);
  expect(await resting).toBe(false);
  expect(locator.isBusy).toBe(true);
});

it('[V9] a locator accepts as many ids as one write may have, of any length and characters', () => {
  const store = new SqliteLocatorStore(new NodeSql(), WHOLE);
  // Such a character takes six bytes in JSON, so the ids are 30 MB of text.
  const keysOf = (count: number) => ({
    ids: Array.from({ length: count }, (_, i) => `${i}`.padEnd(VECTOR_LIMITS.vectorIdBytesMax, '\u0001')),
    namespaces: Array.from({ length: count }, () => '\u0001'.repeat(VECTOR_LIMITS.namespaceBytesMax)),
  });
  const keys = keysOf(VECTOR_LIMITS.upsertVectorsMaxCount);
  store.adopt(keys, keysOf(2_000), 3, []);
  expect(store.counts(10)).toMatchObject({ ids: keys.ids.length });
  const found = store.find(keysOf(VECTOR_LIMITS.vectorIdsMaxCount));
  expect(found.map((place) => place?.shards)).toEqual([...keys.ids.map(() => [3]), ...Array.from({ length: 9_000 }, () => undefined)]);
});

const versionOf = ({ sql }: ReturnType<typeof world>, id: string) =>
  sql.sql.exec<{ version: number }>('SELECT version FROM entries WHERE id = ?', id).toArray()[0]?.version;

it('[RT39] a repetition completes a write that was cut off, without replacing later writes', async () => {
  const known = world();
  const { locator, start, write, answers, settled } = known;
  const cutOff = write('a', 0, 'k');
  await settled();
  answers.shift()!(GONE);
  expect(await cutOff).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  const newer = write('a');
  await settled();
  answers.shift()!(ok({ lsn: 7 }));
  expect(await newer).toMatchObject({ ok: true, value: { count: 1, lsn: 7 } });
  const version = versionOf(known, 'a');
  expect(await write('a', 0, 'k')).toEqual({ ok: true, value: { count: 1, lsn: 7 } });
  expect(await write('a', 0, 'k', start())).toEqual({ ok: true, value: { count: 1, lsn: 7 } });
  expect([versionOf(known, 'a'), answers.length, locator.isBusy]).toEqual([version, 0, false]);
});

it('[RT39] a write resumed twice is done once, and does not undo a move in between', async () => {
  const { locator, write, answers, settled } = world();
  const cutOff = write('a', 0, 'k');
  await settled();
  answers.shift()!(GONE);
  await cutOff;
  const again = write('a', 0, 'k');
  // Waits for the repetition, which finishes the same write.
  const resumed = locator.resume();
  await settled();
  answers.shift()!(ok({ lsn: 3 }));
  expect(await again).toMatchObject({ ok: true });
  const keys = { ids: ['a'], namespaces: [''] };
  locator.move({ ...keys, versions: [1], to: [[4]], isNearer: [true], isShared: [false], isWhole: true, from: 0, since: 2 });
  await resumed;
  expect([locator.find(keys)[0]?.shards.toSorted(), answers.length]).toEqual([[0, 4], 0]);
});

it('[RT39] a repetition of a write interrupted by a deletion of everything writes nothing', async () => {
  const { locator, write, answers, settled, sql } = world();
  const cutOff = write('a', 12, 'k');
  await settled();
  answers.shift()!(GONE);
  await cutOff;
  void locator.clear(0);
  await settled();
  expect(await write('a', 0, 'k')).toEqual({ ok: true, value: { count: 1, lsn: 12 } });
  expect(sql.sql.exec('SELECT id FROM entries').toArray()).toEqual([]);
});

it('[RT39] a claim states the billing of its key; another request under the key is refused', async () => {
  const { locator, start } = world();
  const request = { idempotencyKey: 'k', digest: 'd', embedded: { tokens: 5, cachedTokens: 2 } };
  const billing = { usageId: 'ix_rest:0', tokens: 5, cachedTokens: 2 };
  expect(locator.claim(request)).toEqual(ok({ wholeLsn: null, billing }));
  expect(start().claim({ ...request, embedded: { tokens: 5, cachedTokens: 5 } })).toEqual(ok({ wholeLsn: null, billing }));
  expect(locator.claim({ ...request, digest: 'other' })).toMatchObject({ error: { code: 'idempotency_mismatch' } });
});

it('[F3] a locator numbers writes above all LSNs it has seen, also after a restart', async () => {
  const { locator, start, write, answers, lsnsSent, settled } = world();
  const one = async (id: string, lsnSeen: number, lsn: number) => {
    const written = write(id, lsnSeen);
    await settled();
    answers.shift()!(ok({ lsn }));
    return written;
  };
  await one('a', 7, 8);
  await one('b', 0, 12);
  expect(lsnsSent).toEqual([7, 8]);
  locator.depart({ ids: ['a'], namespaces: [''], versions: [1], from: 3, since: 1, lsn: 40 });
  await one('a', 5, 41);
  expect(lsnsSent).toEqual([7, 8, 40]);
  const removal = start().remove({ ids: ['b'], namespaces: [''], expected: null, lsnSeen: 60 });
  await settled();
  expect(lsnsSent).toEqual([7, 8, 40, 60]);
  answers.shift()!(ok({ lsn: 61 }));
  expect(await removal).toMatchObject({ value: { count: 1, lsn: 61 } });
  expect(await start().remove({ ids: ['b'], namespaces: [''], expected: null, lsnSeen: 70 })).toMatchObject({ value: { lsn: 70 } });
});

it('[RT21] a row gets all shards it is assigned to; removing a copy removes no other', async () => {
  const { locator, write, answers, settled } = world();
  const writing = write('a');
  await settled();
  answers.shift()!(ok({ lsn: 1 }));
  await writing;
  const keys = { ids: ['a'], namespaces: [''] };
  const move = (from: number, to: number[], isShared: boolean, since: number, isWhole = true) =>
    locator.move({ ...keys, versions: [1], to: [to], isNearer: [!isShared], isShared: [isShared], isWhole, from, since });
  const places = () => locator.find(keys)[0]?.shards.toSorted();
  expect([move(0, [1], true, 2), places()]).toEqual([['copy'], [0, 1]]);
  // A split makes no third copy; a rebalancing shard, which knows all shards of the row, does.
  expect([move(0, [2], true, 3, false), places()]).toEqual([['stays'], [0, 1]]);
  expect([move(0, [2], true, 3), places()]).toEqual([['copy'], [0, 1, 2]]);
  expect([move(1, [0, 2], false, 4), places()]).toEqual([['move'], [0, 1, 2]]);
  locator.depart({ ...keys, versions: [1], from: 1, since: 4, lsn: 9 });
  expect(places()).toEqual([0, 2]);
  // The row came to shard 2 with version 4, so this older departure is ignored.
  locator.depart({ ...keys, versions: [1], from: 2, since: 3, lsn: 9 });
  expect(places()).toEqual([0, 2]);
});

const UNKNOWN = refuse('index_not_found', 'the shard was merged away', 'index');
const routesTo = (...ordinals: number[]): Outcome<KnownRoutes> =>
  ok({ summary: { version: 2, shards: ordinals.map((ordinal) => ({ ordinal })) }, placesFor: async () => ok([ordinals]) } as never);

it('[G41] a shard in the routes without its index has lost data: writes are kept and retried', async () => {
  const { locator, start, write, answers, settled, told } = world();
  const answered = async <T>(call: Promise<T>, outcome: Outcome<{ readonly lsn: number }>): Promise<T> => {
    await settled();
    answers.shift()!(outcome);
    return call;
  };
  expect(await answered(write('a'), ok({ lsn: 1 }))).toMatchObject({ ok: true });
  told.routes = routesTo(0, 1);
  const keys = { ids: ['a'], namespaces: [''], expected: null, lsnSeen: 0 };
  const lost = { ok: false, error: { code: 'unavailable', message: expect.stringContaining('shard 0') } };
  expect(await answered(locator.remove(keys), UNKNOWN)).toMatchObject(lost);
  told.cleared = UNKNOWN;
  expect(await locator.clear(0)).toMatchObject(lost);
  expect(await answered(write('b'), UNKNOWN)).toMatchObject(lost);
  expect(answers).toEqual([]);
  expect(locator.isBusy).toBe(true);
  // The shard's file is restored.
  told.cleared = ok({ lsn: 4, next: null });
  const again = start();
  await settled();
  for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) {
    answer(ok({ lsn: 5 }));
    await settled();
  }
  expect(again.isBusy).toBe(false);
  expect([again.find({ ids: ['a'], namespaces: [''] })[0], again.find({ ids: ['b'], namespaces: [''] })[0]?.shards]).toEqual([
    undefined,
    [0],
  ]);
});

it('[RT6] writes to a shard that is not in the routes, since it was merged, go to others', async () => {
  const { locator, write, answers, settled, told } = world();
  const answered = async <T>(call: Promise<T>, ...outcomes: Outcome<{ readonly lsn: number }>[]): Promise<T> => {
    for (const outcome of outcomes) {
      await settled();
      answers.shift()!(outcome);
    }
    return call;
  };
  await answered(write('a'), ok({ lsn: 1 }));
  told.routes = routesTo(1);
  const keys = { ids: ['a'], namespaces: [''], expected: null, lsnSeen: 0 };
  expect(await answered(locator.remove(keys), UNKNOWN)).toMatchObject({ value: { count: 1 } });
  // Written to the removed shard, then to the next one, and deleted from the first.
  expect(await answered(write('b'), UNKNOWN, ok({ lsn: 3 }), UNKNOWN)).toMatchObject({ value: { count: 1, lsn: 3 } });
  told.cleared = UNKNOWN;
  told.routes = refuse('index_not_found', 'there is no index');
  expect(await answered(locator.remove({ ...keys, ids: ['b'] }), UNKNOWN)).toMatchObject({ error: { code: 'index_not_found' } });
});
