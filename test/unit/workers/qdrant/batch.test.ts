import { describe, expect, it } from 'vitest';

import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { ShardDelete, UpsertBatch } from '../../../../src/ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { qdrantBatchEndpoints } from '../../../../src/contract/qdrant/batch.ts';
import { onOneIndex } from '../../../../src/gateway/indexes/index-ref.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import type { TextEmbedder } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { FieldSpace } from '../../../../src/gateway/vectors/field-space.ts';
import { Upserts } from '../../../../src/gateway/vectors/upserts.ts';
import { VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import { Vectors } from '../../../../src/gateway/vectors/vectors.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { doOperations } from '../../../../workers/gateway/compat/qdrant/batch.ts';
import type { WritingCall } from '../../../../workers/gateway/compat/qdrant/call.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { servedRows } from '../../../support/fakes/served-rows.ts';

const user = principal('tn_one');

/** A collection in memory; `before` runs before the n-th call to its shards. */
function world(before: (call: number, change: (to: string | undefined) => void) => void = () => undefined) {
  const manifestOf = (id: string): IndexManifest => ({
    id: id as IndexId,
    firstId: id as IndexId,
    tenantId: user.tenantId,
    name: 'points',
    dimensions: 2,
    metric: 'cosine',
    embedding: null,
    owner: 'search',
    createdS: 1,
    generation: 1,
  });
  let manifest: IndexManifest | undefined = manifestOf('ix_1');
  const done: string[] = [];
  const change = (to: string | undefined): void => void (manifest = to === undefined ? undefined : manifestOf(to));
  let calls = 0;
  const shard = async <T>({ indexId }: { readonly indexId: string }, what: string, value: T): Promise<Outcome<T>> => {
    before((calls += 1), change);
    if (indexId !== manifest?.id) return refuse('index_not_found', 'there is no such index', 'index');
    done.push(`${what} in ${indexId}`);
    return ok(value);
  };
  const shards = indexShards({
    upsert: (_: IndexManifest, batch: UpsertBatch) => shard(batch, `${batch.ids.length} written`, { count: batch.ids.length, lsn: 7 }),
    delete: (_: IndexManifest, asked: ShardDelete) => shard(asked, 'deleted', { count: 1, lsn: 8, next: null }),
  });
  const directory = {
    describe: async () => (manifest === undefined ? refuse('index_not_found', 'there is none', 'index') : ok(manifest)),
  } as unknown as ConstructorParameters<typeof ManifestCache>[0];
  // The clock stands still, so that a cached manifest never expires.
  const manifests = new ManifestCache(directory, { nowMs: () => 0 });
  const space = new VectorSpace({} as TextEmbedder);
  const fields = new FieldSpace({} as TextEmbedder);
  const vectors = new Vectors({ manifests, shards, space, fields, served: servedRows() });
  const indexes = {
    onOne: (...[as, index, work]: Parameters<typeof onOneIndex> extends [unknown, ...infer Rest] ? Rest : never) =>
      onOneIndex(manifests, as, index, work),
  };
  const call = {
    gateway: { retrieval: { indexes, vectors, upserts: new Upserts({ manifests, space, fields, vectors, newId: () => 'call' }) } },
    principal: user,
    authority: IN_FORCE,
    reserve: async () => ok(undefined),
  } as unknown as WritingCall;
  const run = async (...operations: object[]) => {
    const { operations: parsed } = qdrantBatchEndpoints.qdrantUpdateBatch.body.schema.parse({ operations });
    return doOperations(call, 'points', parsed);
  };
  return { run, done, change };
}

const upsert = (count = 1, vector = [1, 2]) => ({ upsert: { points: Array.from({ length: count }, (_, id) => ({ id, vector })) } });
const REMOVE = { delete: { points: [1] } };

describe('a batch of operations', () => {
  it('[Q34] is done in order, and counts what it wrote', async () => {
    const { run, done } = world();
    expect(await run(upsert(2), REMOVE, upsert(3))).toEqual({ done: ok([7, 8, 7]), written: 5 });
    expect(done).toEqual(['2 written in ix_1', 'deleted in ix_1', '3 written in ix_1']);
  });

  it.each([
    ['recreated', 'state_conflict'],
    ['deleted', 'index_not_found'],
  ] as const)('[Q35] stays with its collection: one that is %s half-way gets none of it', async (what, code) => {
    for (const at of [2, 3]) {
      const { run, done } = world((call, change) => {
        if (call === at) change(what === 'recreated' ? 'ix_2' : undefined);
      });
      const { done: outcome, written } = await run(upsert(2), REMOVE, upsert(3));
      const path = ['operations', at - 1, at === 2 ? 'delete' : 'upsert'];
      expect(outcome).toMatchObject({ error: { code, path, applied: at - 1 } });
      expect(written).toBe(2);
      expect(done).toHaveLength(at - 1);
      expect(done.join()).not.toContain('ix_2');
    }
  });

  it('[Q35] of slices stays with its collection, too, and reports how many points were written', async () => {
    const count = VECTOR_LIMITS.upsertVectorsMaxCount + 1;
    const { run, done } = world((call, change) => {
      if (call === 2) change('ix_2');
    });
    const { done: outcome, written } = await run(upsert(count));
    expect(outcome).toMatchObject({ error: { code: 'state_conflict', path: ['operations', 0, 'upsert'], applied: count - 1 } });
    expect([written, done]).toEqual([count - 1, [`${count - 1} written in ix_1`]]);
  });

  it('[Q35] uses the current collection of the name, even if an older one is cached', async () => {
    const { run, done, change } = world();
    await run(upsert());
    change('ix_2');
    expect(await run(upsert(2), REMOVE)).toEqual({ done: ok([7, 8]), written: 2 });
    expect(done).toEqual(['1 written in ix_1', '2 written in ix_2', 'deleted in ix_2']);
  });

  it('[Q35] names the field of the operation that is refused', async () => {
    const { run, done } = world();
    const { done: outcome, written } = await run(upsert(2), upsert(1, [1, 2, 3]));
    expect(outcome).toMatchObject({
      error: { code: 'dimension_mismatch', path: ['operations', 1, 'upsert', 'points', 0, 'vector'], applied: 1 },
    });
    expect([written, done]).toEqual([2, ['2 written in ix_1']]);
  });
});
