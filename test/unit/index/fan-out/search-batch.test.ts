import { describe, expect, it } from 'vitest';

import type { ReadConsistency } from '../../../../src/ann/replication/read-consistency.ts';
import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import type { ShardMatches, ShardQuery } from '../../../../src/ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { searchGroup, TreeSearch } from '../../../../src/index/fan-out/group-search.ts';
import type { BatchPart } from '../../../../src/index/fan-out/search-batch.ts';
import { SearchBatch } from '../../../../src/index/fan-out/search-batch.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { MANIFEST, MemberWorld } from '../../../support/worlds/member-world.ts';
import { value } from '../../../support/worlds/shard-world.ts';

const EVENTUAL: ReadConsistency = { kind: 'eventual' };
const include = { values: false, metadata: false, text: false };
const query = (x: number, y: number, more: Partial<ShardQuery> = {}): ShardQuery => ({
  indexId: MANIFEST.id,
  target: { kind: 'values', values: Float32Array.of(x, y) },
  namespace: '',
  topK: 2,
  filter: null,
  excludeIds: [],
  include,
  ...more,
});

function world(): MemberWorld {
  const made = new MemberWorld();
  for (let shard = 0; shard < 3; shard += 1) {
    const vectors = Array.from({ length: 4 }, (_, i) => ({ id: `${shard}-${i}`, values: [Math.cos(shard + i), Math.sin(shard + i)] }));
    made.vectors.set(shard, vectors);
  }
  return made;
}

interface Asked {
  readonly query: ShardQuery;
  readonly shards: readonly number[];
  readonly consistency?: ReadConsistency;
}

const group = (made: MemberWorld, { query: asked, shards, consistency = STRONG }: Asked, part?: BatchPart) =>
  searchGroup(made.reads, { manifest: MANIFEST, shards, query: asked, consistency, budgetMs: 100 }, part);

function together(made: MemberWorld, searches: readonly Asked[]) {
  const batch = new SearchBatch(searches.length);
  return made.time.run(Promise.all(searches.map((search) => batch.part((part) => group(made, search, part)))));
}

describe('[V190] several searches of one request', () => {
  it('call each shard once, for those that ask it, and find what each finds alone', async () => {
    const made = world();
    const searches = [
      { query: query(1, 0), shards: [0, 1] },
      { query: query(0, 1), shards: [1, 2] },
      { query: query(-1, 0, { topK: 5 }), shards: [1] },
    ];
    const found = await together(made, searches);
    expect(made.batches.map(({ member, count }) => [member.shard, count])).toEqual([
      [0, 1],
      [1, 3],
      [2, 1],
    ]);
    const alone = await made.time.run(Promise.all(searches.map((search) => group(made, search))));
    expect(found.map(value)).toEqual(alone.map(value));
    expect(made.batches).toHaveLength(3);
  });

  it('wait for each other only until each has asked, ended or left', async () => {
    const made = world();
    const batch = new SearchBatch(4);
    const [slow, begun] = [deferred<null>(), deferred<null>()];
    const searches = [
      batch.part((part) => group(made, { query: query(1, 0), shards: [0] }, part)),
      batch.part(async (): Promise<Outcome<ShardMatches>> => refuse('vector_not_found', 'there is none')),
      batch.part(async (part) => {
        part.leave();
        await begun.promise;
        return group(made, { query: query(0, 1), shards: [0] }, part);
      }),
      batch.part(async (part) => {
        await slow.promise;
        return group(made, { query: query(0, 1), shards: [0] }, part);
      }),
    ];
    const all = Promise.all(searches);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(made.batches).toEqual([]);
    slow.resolve(null);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(made.batches.map(({ count }) => count)).toEqual([2]);
    begun.resolve(null);
    const outcomes = await made.time.run(all);
    expect(outcomes.map(({ ok: isOk }) => isOk)).toEqual([true, false, true, true]);
    expect(made.batches.map(({ count }) => count)).toEqual([2, 1]);
  });

  it('go on to another member together when one refuses them, and count for no latency', async () => {
    const made = world();
    const manifest = { ...MANIFEST, replicas: [{ shard: 0, replica: 1, location: null }] };
    made.behave(0, { takesMs: 3, fails: 'unavailable' }, 1);
    // Unknown members are tried in turn: the replica is asked first by one of two batches.
    for (let round = 0; round < 2; round += 1) {
      const batch = new SearchBatch(2);
      const reading = { consistency: EVENTUAL, deadlineMs: made.time.nowMs() + 100 };
      const search = (x: number) => batch.part((part) => made.reads.query(manifest, query(x, 0), { ...reading, part }));
      const found = await made.time.run(Promise.all([search(1), search(-1)]));
      expect(found.map((outcome) => value(outcome).ids.length)).toEqual([2, 2]);
    }
    expect(made.batches.filter(({ member }) => member.replica === 1).length).toBeGreaterThan(0);
    for (let n = 0; n < VECTOR_LIMITS.latencySamplesMinCount; n += 1) {
      await together(made, [
        { query: query(1, 0), shards: [0] },
        { query: query(0, 1), shards: [0] },
      ]);
    }
    expect(made.fanOut.slowMs).toBeUndefined();
  });

  it('of different consistency share no call; each is refused by what it asked alone', async () => {
    const made = world();
    const answers = [ok({ ids: ['a'], scores: [1], lsn: 1 }), refuse('vector_not_found', 'there is none', 'id')];
    made.queryAll = async (_, member, queries) => {
      made.batches.push({ member, count: queries.length });
      return ok(answers.slice(0, queries.length) as never);
    };
    const single = (x: number, consistency: ReadConsistency) => ({ query: query(x, 0), shards: [0], consistency });
    const found = await together(made, [single(1, STRONG), single(2, STRONG), single(3, EVENTUAL)]);
    expect(made.batches.map(({ count }) => count)).toEqual([2, 1]);
    expect(found.map((outcome) => (outcome.ok ? outcome.value.ids : outcome.error.code))).toEqual([['a'], 'vector_not_found', ['a']]);
  });

  it('through aggregators go alone, and the others do not wait for them', async () => {
    const made = world();
    const gate = deferred<null>();
    const groups = { search: () => gate.promise.then(() => refuse('unavailable', 'no aggregator')) };
    const tree = new TreeSearch(made.reads, groups, made.fanOut);
    const batch = new SearchBatch(2);
    const ask = (shards: readonly number[]) => {
      const asked = { manifest: MANIFEST, shards, query: query(1, 0), consistency: STRONG, budgetMs: 1_000 };
      return batch.part((part) => tree.search(asked, part));
    };
    const wide = ask(Array.from({ length: VECTOR_LIMITS.fanOutShardsMaxCount + 1 }, (_, shard) => shard));
    expect(value(await made.time.run(ask([0]))).ids).toHaveLength(2);
    gate.resolve(null);
    expect((await made.time.run(wide)).ok).toBe(false);
  });

  it('that meet a defect fail with it', async () => {
    const made = world();
    made.queryAll = () => Promise.reject(new Error('a defect'));
    await expect(
      together(made, [
        { query: query(1, 0), shards: [0] },
        { query: query(0, 1), shards: [0] },
      ]),
    ).rejects.toThrow('a defect');
  });
});
