import { expect, it } from 'vitest';

import { refusal } from '../../../../src/contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { mmrProducts } from '../../../../src/ann/shard/mmr.ts';
import { ownKey } from '../../../../src/ann/receipts.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { Billing, DeleteSelection, UpsertBatch } from '../../../../src/ann/shard-protocol.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import { FieldSpace } from '../../../../src/gateway/vectors/field-space.ts';
import { VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import { diversificationOf } from '../../../../src/gateway/vectors/searches.ts';
import { Vectors } from '../../../../src/gateway/vectors/vectors.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { repetitionOf } from '../../../support/fakes/repetition-of.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { servedRows } from '../../../support/fakes/served-rows.ts';

const CALLER = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
const BODY = { vectors: [{ id: 'a', text: 'a lock keeper', namespace: '' }], model: undefined };

/** Writes to an index; its model reports the token counts in `embedded`, and its shard answers with `billing`. */
function writing(embedded: { tokens: number; cachedTokens: number }, billing?: Billing) {
  const sent: UpsertBatch[] = [];
  const manifest = {
    id: 'ix_1' as IndexId,
    dimensions: 1,
    metric: 'dot',
    embedding: { model: 'm', contractHash: 'h' },
  } as unknown as IndexManifest;
  const upsert = async (_: IndexManifest, batch: UpsertBatch) => {
    sent.push(batch);
    return ok({ count: 1, lsn: 9, ...(billing === undefined ? {} : { billing }) });
  };
  const embedder = {
    contractOf: async () => ok({ id: 'm', contractHash: 'h', dimensions: 1, version: '1' }),
    embed: async () => ok({ vectors: Float32Array.of(1), dimensions: 1, contractHash: 'h', cut: [], ...embedded }),
  };
  const directory = { describe: async () => ok(manifest) };
  const vectors = new Vectors({
    served: servedRows(),
    manifests: new ManifestCache(directory as never, { nowMs: () => 0 }),
    shards: indexShards({ upsert }),
    space: new VectorSpace(embedder),
    fields: new FieldSpace(embedder),
  });
  return { sent, write: async (key?: string) => vectors.write(CALLER, 'index', BODY, await repetitionOf(BODY, key)) };
}

it('[RT39] a repetition is billed as its first try, up to the tokens it reserved itself', async () => {
  const first = { usageId: 'ix_0:5', tokens: 30, cachedTokens: 20 };
  const again = writing({ tokens: 30, cachedTokens: 30 }, first);
  expect(await again.write('k')).toMatchObject({ value: { count: 1, lsn: 9, tokens: 30, cachedTokens: 20, usageId: 'ix_0:5:k' } });
  expect(again.sent[0]?.repetition).toMatchObject({ idempotencyKey: 'k', embedded: { tokens: 30, cachedTokens: 30 } });
  // Another model may serve now, which makes fewer tokens of the texts.
  expect(await writing({ tokens: 12, cachedTokens: 0 }, first).write('k')).toMatchObject({ value: { tokens: 12, cachedTokens: 12 } });
});

it('[RT39] a request whose key an earlier version claimed is billed as then; without a key, by itself', async () => {
  const embedded = { tokens: 30, cachedTokens: 10 };
  expect(await writing(embedded).write('k')).toMatchObject({ value: { ...embedded, usageId: 'ix_1:9:k' } });
  const written = await writing(embedded).write();
  expect(written).toMatchObject({ value: embedded });
  expect(written).not.toHaveProperty('value.usageId');
});

it.each([
  ['no key', undefined, 1],
  ['a key of the gateway', ownKey('r'), 1],
  ['a key of its caller', 'k', 2],
])('[RT41] a write without an answer is retried in another generation only with a key: %s', async (_, idempotencyKey, tries) => {
  let manifest = { id: 'ix_1', firstId: 'ix_1', dimensions: 1, metric: 'dot', embedding: null } as unknown as IndexManifest;
  let sent = 0;
  const upsert = async () => {
    sent += 1;
    // The first try may have been written; then another generation serves.
    if (sent === 1) manifest = { ...manifest, id: 'ix_2' as IndexId };
    return sent === 1 ? err(refusal('unavailable', 'no answer')) : ok({ count: 1, lsn: 9 });
  };
  const manifests = new ManifestCache({ describe: async () => ok(manifest) } as never, { nowMs: () => 0 });
  const vectors = new Vectors({
    served: servedRows(),
    manifests,
    shards: indexShards({ upsert }),
    space: new VectorSpace({} as never),
    fields: new FieldSpace({} as never),
  });
  const body = { vectors: [{ id: 'a', values: Float32Array.of(1), namespace: '' }] };
  await manifests.using(CALLER.principal.tenantId, 'index', async () => ok(null));
  const written = await vectors.write(CALLER, 'index', body, idempotencyKey === undefined ? null : { idempotencyKey, digest: 'd' });
  expect(written.ok ? 'written' : written.error.code).toBe(tries === 1 ? 'unavailable' : 'written');
  expect(sent).toBe(tries);
});

/** Deletes from an index with ids below 5,000, which refuses the call numbered `refusedAt`. */
function deleting(refusedAt = Infinity) {
  const sent: DeleteSelection[] = [];
  const shards = {
    delete: async (_: IndexManifest, { selection }: { selection: DeleteSelection }) => {
      if (sent.length === refusedAt) return err(refusal('unavailable', 'not now'));
      sent.push(selection);
      const count = selection.kind === 'ids' ? selection.ids.filter((id) => Number(id) < 5_000).length : 7;
      return ok({ count, lsn: sent.length, next: selection.kind === 'filter' && selection.after < 2 ? selection.after + 1 : null });
    },
  };
  const directory = { describe: async () => ok({ id: 'ix_1' }) };
  const manifests = new ManifestCache(directory as never, { nowMs: () => 0 });
  const vectors = new Vectors({
    served: servedRows(),
    manifests,
    shards: indexShards(shards),
    space: {} as VectorSpace,
    fields: {} as FieldSpace,
  });
  return { sent, vectors };
}

it('[V175] a deletion by ids goes in slices, in the given order, and counts existing ids', async () => {
  const { sent, vectors } = deleting();
  const ids = Array.from({ length: VECTOR_LIMITS.vectorIdsMaxCount }, (_, i) => String(i));
  expect(await vectors.delete(CALLER, 'index', { ids, namespace: 'n' })).toMatchObject({ value: { count: 5_000, lsn: 10 } });
  expect(sent.flatMap((selection) => (selection.kind === 'ids' ? selection.ids : []))).toEqual(ids);
  for (const selection of sent) expect(selection).toMatchObject({ kind: 'ids', namespace: 'n', ids: { length: 1_000 } });
  const uneven = deleting();
  expect(await uneven.vectors.delete(CALLER, 'index', { ids: ids.slice(0, 2_001), namespace: '' })).toMatchObject({
    value: { count: 2_001 },
  });
  expect(uneven.sent.map((selection) => (selection.kind === 'ids' ? selection.ids.length : 0))).toEqual([1_000, 1_000, 1]);
  const few = deleting();
  expect(await few.vectors.delete(CALLER, 'index', { ids: ids.slice(0, 1_000), namespace: '' })).toMatchObject({ value: { count: 1_000 } });
  expect(few.sent).toHaveLength(1);
});

it('[V175] a deletion that is refused between two slices returns the refusal', async () => {
  const { sent, vectors } = deleting(3);
  const ids = Array.from({ length: 5_000 }, (_, i) => String(i));
  expect(await vectors.delete(CALLER, 'index', { ids, namespace: '' })).toMatchObject({ error: { code: 'unavailable' } });
  expect(sent).toHaveLength(3);
});

it('[V66] [V175] a deletion by filter continues until nothing is left; one of everything is one step', async () => {
  const byFilter = deleting();
  const filter = { kind: 'and', of: [] } as const;
  expect(await byFilter.vectors.delete(CALLER, 'index', { filter, namespace: '' })).toMatchObject({ value: { count: 21, lsn: 3 } });
  const all = deleting();
  expect(await all.vectors.delete(CALLER, 'index', { all: true, namespace: '' })).toMatchObject({ value: { count: 7 } });
  expect(all.sent).toEqual([{ kind: 'all' }]);
});

const { mmrCandidatesMaxCount: candidatesMax, mmrProductsMaxCount: productsMax } = VECTOR_LIMITS;

it('[V153] chooses among five times top_k by default, or as many as the shard accepts', () => {
  const candidatesAt = (topK: number, dimensions: number) => {
    const asked = diversificationOf({ dimensions }, { mmr: { diversity: 0.5 }, top_k: topK, offset: 0 });
    return asked.ok ? asked.value?.candidates : asked.error.code;
  };
  expect(diversificationOf({ dimensions: 100 }, { mmr: undefined, top_k: 10, offset: 0 })).toEqual({ ok: true, value: undefined });
  expect(candidatesAt(1, 4096)).toBe(5);
  expect(candidatesAt(10, 100)).toBe(50);
  expect(candidatesAt(500, 50)).toBe(candidatesMax);
  expect(candidatesAt(1_000, 50)).toBe(candidatesMax);
  for (const [topK, dimensions] of [
    [100, 1_536],
    [200, 768],
    [120, 4_096],
  ] as const) {
    const candidates = Number(candidatesAt(topK, dimensions));
    expect(candidates).toBeLessThan(5 * topK);
    expect(candidates).toBeGreaterThanOrEqual(topK);
    expect(mmrProducts(candidates, topK, dimensions)).toBeLessThanOrEqual(productsMax);
    expect(mmrProducts(candidates + 1, topK, dimensions)).toBeGreaterThan(productsMax);
  }
  expect(candidatesAt(1_000, 4_096)).toBe('limit_exceeded');
});

it('[V153] refuses a query that is too expensive, naming the field, the limit and the value', () => {
  const asked = diversificationOf({ dimensions: 1_536 }, { mmr: { diversity: 0.5, candidates_limit: 1_000 }, top_k: 100, offset: 0 });
  expect(asked).toMatchObject({ ok: false, error: { code: 'limit_exceeded', path: ['mmr', 'candidates_limit'] } });
  const message = asked.ok ? '' : asked.error.message;
  for (const part of ['mmrProductsMaxCount', String(productsMax), String(mmrProducts(1_000, 100, 1_536))]) expect(message).toContain(part);
});
