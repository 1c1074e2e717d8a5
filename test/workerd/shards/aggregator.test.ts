import { env, exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';

import type { ReplicaObject } from '../../../durable-objects/replica-object.ts';
import { DurableMembers } from '../../../durable-objects/durable-members.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { systemTimer } from '../../../durable-objects/system-time.ts';
import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../../src/index/fan-out/member-choice.ts';
import type { PartAnswer } from '../../../src/index/fan-out/merge-answers.ts';
import type { GroupQuery } from '../../../src/index/fan-out/group-search.ts';
import { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { shardName } from '../../../src/index/index-manifest.ts';
import { STRONG } from '../../../src/ann/replication/read-consistency.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { TreeSearch } from '../../../src/index/fan-out/group-search.ts';

const { SHARD, REPLICA } = env as unknown as {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
};
const { Aggregator } = exports as unknown as { readonly Aggregator: { search(query: GroupQuery): Promise<Outcome<PartAnswer>> } };

const SHARDS = 240;
const EACH = 3;
const clock = { nowMs: () => Date.now() };

it('[F30] hundreds of shards are searched as one, by a few calls to aggregators of a hundred shards each', async () => {
  const manifest: IndexManifest = {
    id: 'ix_tree' as IndexId,
    tenantId: 'tn_test' as TenantId,
    name: 'tree',
    dimensions: 2,
    metric: 'dot',
    embedding: null,
    owner: 'tests',
    createdS: 0,
    generation: 1,
  };
  const strength = (shard: number, at: number) => ((shard * 83 + at * 7) % (SHARDS * EACH)) + 1;
  const open = async (shard: number): Promise<void> => {
    const stub = SHARD.getByName(shardName(manifest, shard));
    await stub.open({ indexId: manifest.id, dimensions: 2, metric: 'dot' });
    const rows = Array.from({ length: EACH }, (_, at) => strength(shard, at));
    await stub.upsert({
      indexId: manifest.id,
      ids: rows.map((_, at) => `${shard}/${at}`),
      namespaces: rows.map(() => ''),
      values: Float32Array.from(rows.flatMap((row) => [row, 0])),
      metadata: rows.map((row) => JSON.stringify({ row })),
      texts: rows.map(() => null),
      repetition: null,
    });
  };
  const ordinals = Array.from({ length: SHARDS }, (_, shard) => shard);
  for (let from = 0; from < SHARDS; from += 20) await Promise.all(ordinals.slice(from, from + 20).map(open));

  const calls: number[] = [];
  const groups = {
    search: (query: GroupQuery) => {
      calls.push(query.shards.length);
      return Aggregator.search(query);
    },
  };
  const fanOut = new FanOut(clock, systemTimer);
  const reads = new ShardReads({ members: new DurableMembers({ SHARD, REPLICA }), fanOut, choice: new MemberChoice(), clock });
  const tree = new TreeSearch(reads, groups, new FanOut(clock, systemTimer));
  const query = {
    indexId: manifest.id,
    target: { kind: 'values', values: Float32Array.of(1, 0) } as const,
    namespace: '',
    topK: 25,
    filter: null,
    excludeIds: [],
    include: { values: true, metadata: true, text: false },
  };
  const outcome = await tree.search({ manifest, shards: ordinals, query, consistency: STRONG, budgetMs: 50_000 });
  if (!outcome.ok) throw new Error(outcome.error.message);
  const truth = ordinals
    .flatMap((shard) => Array.from({ length: EACH }, (_, at) => ({ id: `${shard}/${at}`, score: strength(shard, at) })))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, 25);
  const { ids, scores, values, metadata, missing } = outcome.value;
  expect(ids.map((id, i) => ({ id, score: scores[i] }))).toEqual(truth);
  expect([...values!].filter((_, i) => i % 2 === 0)).toEqual(truth.map(({ score }) => score));
  expect(metadata).toEqual(truth.map(({ score }) => JSON.stringify({ row: score })));
  expect(missing).toBe(undefined);
  expect(calls).toEqual([100, 100, 40]);
  expect(fanOut.counts.calls, 'none of the shards is asked from here').toBe(0);
});
