import { describe, expect, it } from 'vitest';

import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { ShardFetch } from '../../../../src/ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { LocatedReads } from '../../../../src/index/shards/located-reads.ts';
import type { RouteCache } from '../../../../src/index/routing/route-cache.ts';
import type { LocatorCalls, ShardCalls } from '../../../../src/index/shards/shard-calls.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';

const MANIFEST = { id: 'ix_1' as IndexId, dimensions: 2, metric: 'dot' } as IndexManifest;
const SHARDS = 8;

/** Ids that end in their shard's ordinal, with a given number of characters of metadata each. */
function world(metadataChars: (id: string) => number) {
  const portions: number[] = [];
  let bytesAtOnce = 0;
  const routes = { using: (_: unknown, work: (known: object) => unknown) => work({ summary: { version: 1, locators: 1 } }) };
  const shardOf = (id: string) => Number(id) % SHARDS;
  const locators = {
    find: async (_: unknown, { ids }: { ids: readonly string[] }) => {
      portions.push(ids.length);
      bytesAtOnce = 0;
      return ok(ids.map((id) => ({ shards: [shardOf(id)] })));
    },
  };
  let most = 0;
  const shards = {
    read: async (_: unknown, __: number, ___: 'fetch', { ids, include }: ShardFetch) => {
      const metadata = include.metadata ? ids.map((id) => 'x'.repeat(metadataChars(id))) : null;
      bytesAtOnce += (metadata ?? []).reduce((sum, text) => sum + 2 * text.length, 0);
      most = Math.max(most, bytesAtOnce);
      return ok({ ids, values: null, metadata, texts: null, versions: ids.map(() => 1), lsn: 5 });
    },
  };
  const reads = new LocatedReads(routes as unknown as RouteCache, locators as unknown as LocatorCalls, shards as unknown as ShardCalls);
  const fetch = (count: number, metadata = true) => {
    const ids = Array.from({ length: count }, (_, i) => String(count - i));
    return reads.fetch(MANIFEST, { indexId: MANIFEST.id, namespace: '', ids, include: { values: false, metadata, text: false } });
  };
  return { fetch, portions, most: () => most };
}

describe('reading many vectors of several shards', () => {
  it('[V16] reads in portions, and answers in the requested order', async () => {
    const { fetch, portions } = world(() => 100);
    const found = await fetch(10_000);
    expect(found).toMatchObject({ ok: true, value: { lsn: 5 } });
    expect(found.ok && found.value.ids).toEqual(Array.from({ length: 10_000 }, (_, i) => String(10_000 - i)));
    expect(found.ok && found.value.metadata?.length).toBe(10_000);
    expect(portions.length).toBeLessThan(5);
  });

  it('[V16] reads all ids at once if nothing else is requested', async () => {
    const { fetch, portions } = world(() => 100);
    expect((await fetch(10_000, false)).ok).toBe(true);
    expect(portions).toEqual([10_000]);
  });

  it('[V16] holds little more than one answer, and refuses a larger one', async () => {
    const { fetch, most } = world(() => VECTOR_LIMITS.vectorMetadataBytesMax);
    expect((await fetch(120)).ok).toBe(true);
    const refused = await fetch(1_000);
    expect(refused).toMatchObject({ ok: false, error: { code: 'limit_exceeded', message: expect.stringContaining('list them') } });
    expect(most()).toBeLessThan(VECTOR_LIMITS.retrievalReplyBytesMax);
  });
});
