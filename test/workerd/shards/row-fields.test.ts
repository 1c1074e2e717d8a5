import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import type { ReplicaObject } from '../../../durable-objects/replica-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { encodeFloats } from '../../../src/ann/float32.ts';
import { pageLayout } from '../../../src/ann/flat/scanner.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import { POSTING_LIMITS } from '../../../src/contract/indexes/posting-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { TextQuery } from '../../../src/contract/vectors/text-query.ts';
import { toBase64 } from '../../../src/kernel/bytes.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

const { SHARD, REPLICA } = env as unknown as {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
};

const FIELDS: IndexFields = {
  body: { kind: 'text', analysis: analysisSettings.parse({}), weight: 1, source: 'field' },
  zh: { kind: 'text', analysis: analysisSettings.parse({ language: 'chinese' }), weight: 1, source: 'field' },
  own: { kind: 'text', analysis: analysisSettings.parse({}), weight: 1, source: 'text' },
  image: { kind: 'vector', dimensions: 96, metric: 'l2', model: null },
};
let serial = 0;

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

async function openBoth() {
  serial += 1;
  const indexId = `ix_fields_${serial}` as IndexId;
  const name = `tn_test:${indexId}`;
  const [shard, replica] = [SHARD.getByName(name), REPLICA.getByName(`${name}:r1`)];
  const identity = { indexId, dimensions: 2, metric: 'dot', fields: FIELDS } as const;
  await shard.open(identity);
  await replica.open(identity, name);
  const write = async (bodies: Readonly<Record<string, string>>, image?: (id: string) => Float32Array): Promise<number> => {
    const ids = Object.keys(bodies);
    const contents = ids.map((id) =>
      JSON.stringify({
        body: bodies[id],
        ...(image === undefined ? {} : { image: { vector: toBase64(encodeFloats(image(id))) } }),
        zh: '北京大学的学生',
      }),
    );
    const columns = {
      namespaces: ids.map(() => 'n'),
      metadata: ids.map(() => null),
      texts: ids.map((id) => `the text of ${id}`),
      contents,
    };
    return value(await shard.upsert({ indexId, ids, values: new Float32Array(2 * ids.length), ...columns, repetition: null })).lsn;
  };
  const remove = async (...ids: string[]) => value(await shard.deleteVectors({ indexId, selection: { kind: 'ids', namespace: 'n', ids } }));
  const leg = (query: TextQuery, field = 'body', topK = 10) => ({
    indexId,
    query: { kind: 'text', query, fields: [{ name: field, weight: 1 }], k1: 1.2, b: 0.75 } as const,
    namespace: 'n',
    topK,
    filter: null,
    excludeIds: [],
    include: { values: false, metadata: false, text: false },
  });
  const near = async (vector: Float32Array<ArrayBuffer>, topK: number) =>
    value(await shard.searchFields({ ...leg(''), query: { kind: 'vector', field: 'image', vector }, topK, explain: true }));
  const found = async (query: TextQuery, field?: string) => value(await shard.searchFields(leg(query, field))).ids;
  return { indexId, shard, replica, write, remove, leg, found, near };
}

describe.each(['resident', 'evicted between calls'] as const)('fields of a shard, %s', (mode) => {
  const between = async (...stubs: (DurableObjectStub<ShardObject> | DurableObjectStub<ReplicaObject>)[]): Promise<void> => {
    if (mode !== 'resident') for (const stub of stubs) await evictDurableObject(stub);
  };

  it('[TX151] are found as they were written, before and after their postings are flushed', async () => {
    const { shard, write, remove, found } = await openBoth();
    await write({ lock: 'the lock keeper opens the gates', weir: 'a weir holds back the river' });
    await between(shard);
    expect(await found('opening gates')).toEqual(['lock']);
    expect(await found('大学', 'zh')).toEqual(['lock', 'weir']);
    expect(await found({ phrase: 'text of weir' }, 'own')).toEqual(['weir']);
    const many = Array.from({ length: POSTING_LIMITS.memtableRowsMaxCount }, (_, i) => [`v${i}`, `number ${i} of many`]);
    for (let from = 0; from < many.length; from += 256) await write(Object.fromEntries(many.slice(from, from + 256)));
    for (let alarms = 0; alarms < 20 && (await runDurableObjectAlarm(shard)); alarms += 1) await between(shard);
    expect(await found('opening gates')).toEqual(['lock']);
    expect(await found({ fuzzy: 'rivar' })).toEqual(['weir']);
    await write({ lock: 'closed' });
    await remove('weir', 'v7');
    await between(shard);
    expect(await found('gates river')).toEqual([]);
    expect(await found({ must: [{ text: 'many' }, { text: '7' }] })).toEqual([]);
    expect(await found({ must: [{ text: 'many' }, { text: '8' }] })).toEqual(['v8']);
  });

  it('[TX205] [TX211] are found in rows without a vector, in batches and alone, and by a replica', async () => {
    const { indexId, shard, replica, write, found } = await openBoth();
    await write({ lock: 'the lock' });
    for (let alarms = 0; alarms < 20 && (await replica.state()).completeLsn === null; alarms += 1) await runDurableObjectAlarm(replica);
    const columns = (...ids: string[]) => ({
      indexId,
      ids,
      namespaces: ids.map(() => 'n'),
      values: new Float32Array(2 * ids.length),
      metadata: ids.map(() => null),
      texts: ids.map((id) => `bare ${id}`),
      repetition: null,
    });
    value(await shard.upsert({ ...columns('a', 'b', 'c'), vectorless: [true, false, true] }));
    value(await shard.upsert({ ...columns('d'), vectorless: [true] }));
    await between(shard, replica);
    expect(await found('bare', 'own')).toEqual(['a', 'b', 'c', 'd']);
    const target = { kind: 'values', values: Float32Array.of(1, 1) } as const;
    const include = { values: false, metadata: false, text: false };
    const near = { indexId, target, namespace: 'n', topK: 10, filter: null, excludeIds: [], include };
    expect(value(await shard.query(near)).ids).toEqual(['b', 'lock']);
    const all = { indexId, namespace: 'n', ids: ['b', 'd'], include: { ...include, values: true } };
    expect(value(await shard.fetchVectors(all)).vectorless).toEqual([false, true]);
    const { lsn } = value(await shard.stats({ indexId }));
    const copied = await replica.query(near, { kind: 'min-lsn', lsn });
    expect(value(copied).ids).toEqual(['b', 'lock']);
  });

  it('[TX205] are all that a shard without dimensions has', async () => {
    const indexId = `ix_bare_${(serial += 1)}` as IndexId;
    const shard = SHARD.getByName(`tn_test:${indexId}`);
    await shard.open({ indexId, dimensions: 0, metric: 'cosine', fields: FIELDS });
    for (const ids of [['a', 'b'], ['c'], ['b']]) {
      const columns = { namespaces: ids.map(() => 'n'), metadata: ids.map(() => null), texts: ids.map((id) => `bare ${id}`) };
      const vectorless = ids.map(() => true);
      value(await shard.upsert({ indexId, ids, values: new Float32Array(0), vectorless, ...columns, repetition: null }));
      await between(shard);
    }
    const query = { kind: 'text', query: 'bare', fields: [{ name: 'own', weight: 1 }], k1: 1.2, b: 0.75 } as const;
    const include = { values: true, metadata: false, text: true };
    const search = { indexId, query, namespace: 'n', topK: 10, filter: null, excludeIds: [], include };
    expect(value(await shard.searchFields(search))).toMatchObject({ ids: ['a', 'b', 'c'], vectorless: [true, true, true] });
    expect(value(await shard.stats({ indexId })).count).toBe(3);
  });

  it('[TX161] [TX163] have vectors that are found in blocks as in the tail', async () => {
    const { shard, write, remove, near } = await openBoth();
    const serialOf = (id: string) => Number(id.slice(1));
    const image = (at: number) => Float32Array.from({ length: 96 }, (_, i) => (i % 2 === 0 ? at : 1));
    const put = (from: number, count: number) =>
      write(Object.fromEntries(Array.from({ length: count }, (_, i) => [`v${from + i}`, 'x'])), (id) => image(serialOf(id)));
    for (let from = 0; from < 1_536; from += 256) await put(from, 256);
    for (let alarms = 0; alarms < 20 && (await runDurableObjectAlarm(shard)); alarms += 1) await between(shard);
    await put(100, 2);
    await put(2_000, 1);
    await remove('v1', 'v1535');
    await between(shard);
    const { ids, scores, explanation } = await near(image(1), 4);
    expect([ids, scores[0]]).toEqual([['v0', 'v2', 'v3', 'v4'], Math.sqrt(48)]);
    expect(explanation?.listsProbed).toBe(Math.ceil(1_536 / pageLayout(96).capacity));
    expect((await near(image(1_535), 2)).ids).toEqual(['v1534', 'v1533']);
    expect((await near(image(101.25), 2)).ids).toEqual(['v101', 'v102']);
    expect((await near(image(2_000), 2)).ids).toEqual(['v2000', 'v1534']);
  });

  it('[TX182] are followed by a replica, which answers and counts as its primary does', async () => {
    const { shard, replica, write, remove, leg } = await openBoth();
    await write({ a: 'red fox', b: 'red hen', c: 'blue hen' });
    for (let alarms = 0; alarms < 20 && (await replica.state()).completeLsn === null; alarms += 1) await runDurableObjectAlarm(replica);
    await remove('c');
    const lsn = await write({ d: 'red red wine' });
    await between(shard, replica);
    const consistency = { kind: 'min-lsn', lsn } as const;
    const asked = leg('red hen');
    expect(value(await replica.searchFields(asked, consistency))).toEqual(value(await shard.searchFields(asked)));
    await between(shard, replica);
    const counted = { indexId: asked.indexId, namespace: 'n', filter: null, query: asked.query };
    expect(value(await replica.termStatistics(counted, consistency))).toEqual(value(await shard.termStatistics(counted)));
    expect(value(await shard.termStatistics(counted)).terms).toEqual([
      { field: 'body', term: 'red', documents: 3 },
      { field: 'body', term: 'hen', documents: 1 },
    ]);
  });
});

describe('a leg that reads long texts', () => {
  const LONG = 'so many words '.repeat(3_000);
  const QUERY = { must: [{ text: 'words' }], should: [{ phrase: 'never said' }] } as const;

  it('[TX191] leaves turns to others, and has what they wrote', async () => {
    const { shard, write, remove, leg } = await openBoth();
    for (let at = 0; at < 64; at += 8) await write(Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`v${at + i}`, LONG])));
    const order: string[] = [];
    const note = async (name: string, call: Promise<unknown>): Promise<void> => {
      await call;
      order.push(name);
    };
    const found = shard.searchFields(leg(QUERY, 'body', 100));
    await Promise.all([note('search', found), note('write', write({ v63: 'rare words', new: 'no words' })), note('remove', remove('v0'))]);
    expect(order.at(-1)).toBe('search');
    const { ids } = value(await found);
    expect(ids.toSorted()).toEqual([...Array.from({ length: 63 }, (_, i) => `v${i + 1}`), 'new'].toSorted());
    const shown = await shard.highlight({ ...leg(''), ids, query: 'rare', fields: ['body'], options: { fragmentChars: 50, fragments: 1 } });
    expect(value(shown).rows.find(({ id }) => id === 'v63')?.fields[0]?.fragments[0]?.text).toBe('rare words');
  });

  it('[TX192] is refused once its rows began to go to another shard', async () => {
    const { indexId, shard, write, leg } = await openBoth();
    const route = {
      tenantId: 'tn_test',
      name: 'x',
      ordinal: 0,
      since: 1,
      budget: 64,
      locators: 0,
      isFenced: false,
      task: null,
    };
    for (let at = 0; at < 64; at += 8) await write(Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`v${at + i}`, LONG])));
    await shard.open({ indexId, dimensions: 2, metric: 'dot', fields: FIELDS }, route as never);
    const search = { ...leg(QUERY, 'body', 100), routeVersion: 1 };
    expect(value(await shard.searchFields(search)).ids.length).toBe(64);
    const drain = runInDurableObject(shard, async (object, { storage }) => {
      await object.drain({ since: 2, shards: [], margin: 1 });
      await storage.deleteAlarm();
    });
    const [found] = await Promise.all([shard.searchFields(search), drain]);
    expect(found).toEqual(await shard.searchFields(search));
    expect(found).toMatchObject({ ok: false, error: { code: 'stale_route' } });
  });
});
