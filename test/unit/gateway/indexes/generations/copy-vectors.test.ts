import { NOTHING_CUT } from '../../../../../src/contract/embeddings/truncation.ts';
import { expect, it } from 'vitest';

import type { UpsertBatch } from '../../../../../src/ann/shard-protocol.ts';
import { EMBEDDING_LIMITS } from '../../../../../src/contract/embeddings/embedding-limits.ts';
import { refuseBeyond } from '../../../../../src/contract/limits/limit-refusal.ts';
import type { CopyParts } from '../../../../../src/gateway/indexes/generations/copy-vectors.ts';
import { copyVectors } from '../../../../../src/gateway/indexes/generations/copy-vectors.ts';
import type { EmbedTexts } from '../../../../../src/gateway/embeddings/text-embedder.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';

/** Copies texts by a model that takes so many characters a call, each a token; what was written, and what was billed. */
async function copied(texts: readonly string[], tokensMax: number, isTruncating = false, contents?: readonly (string | null)[]) {
  const held: (readonly (string | null)[] | undefined)[] = [];
  const rows: [id: string, x: number | undefined][] = [];
  const billed: [usageId: string | undefined, tokens: number | undefined][] = [];
  const embedder = {
    contractOf: () => Promise.reject(new Error('the contract is pinned')),
    embed: async ({ texts: given, use, isTruncating: isCut }: EmbedTexts) => {
      expect(use).toBe('items');
      const some = given.map((text) => (isCut ? text.slice(0, 4) : text));
      const cut = given
        .map((text, index) => ({ index, tokens: text.length - (some[index] ?? '').length }))
        .filter(({ tokens: lost }) => lost > 0);
      const tokens = some.join('').length;
      if (tokens > tokensMax)
        return refuseBeyond({
          path: 'input',
          limit: 'embeddingTokensMaxCount',
          value: EMBEDDING_LIMITS.embeddingTokensMaxCount + 1,
          what: 'is long',
        });
      return ok({
        vectors: Float32Array.from(some, (text) => text.length),
        dimensions: 1,
        contractHash: 'h',
        tokens,
        cut,
        cachedTokens: 0,
      });
    },
  };
  const upsert = async (_: IndexManifest, { ids, values, ...batch }: UpsertBatch) => {
    held.push(batch.contents);
    rows.push(...ids.map((id, i): [string, number | undefined] => [id, values[i]]));
    return ok({ count: ids.length, lsn: 1 });
  };
  const portion = {
    extend: async () => ok(undefined),
    settle: (used: { embedding_tokens?: number }, { usageId }: { usageId?: string }) => {
      if (usageId !== undefined) billed.push([usageId, used.embedding_tokens]);
      return 0;
    },
  };
  const parts = {
    shards: indexShards({ upsert }),
    embedder,
    budget: { reserve: async () => ok(portion) },
    authorityOf: () => IN_FORCE,
  } as unknown as CopyParts;
  const from = { id: 'ix_1', dimensions: 1, embedding: null } as unknown as IndexManifest;
  const to = { ...from, id: 'ix_2', embedding: { model: 'm', contractHash: 'h' } } as unknown as IndexManifest;
  const columns = {
    ids: texts.map((_, i) => `v${i}`),
    values: null,
    metadata: null,
    texts,
    ...(contents === undefined ? {} : { contents }),
  };
  const outcome = await copyVectors(parts, { from, to, owner: {} as never, isTruncating, run: 1 }, '', columns, 'fill');
  return { outcome, rows, billed, held };
}

it('[B46] texts of more tokens than one call embeds are embedded in parts, each billed once', async () => {
  const texts = ['one', 'three', 'seven', 'eleven', 'two'];
  const { outcome, rows, billed } = await copied(texts, 11);
  expect(outcome).toEqual(ok({ count: 5, tokens: 22, cut: NOTHING_CUT }));
  expect(rows).toEqual(texts.map((text, i) => [`v${i}`, text.length]));
  expect(new Set(billed.map(([usageId]) => usageId)).size).toBe(billed.length);
  expect(billed.reduce((sum, [, tokens]) => sum + (tokens ?? 0), 0)).toBe(22);
});

it('[M159] texts that are too long are cut where the generation says so, and counted over all parts', async () => {
  const { outcome, rows } = await copied(['one', 'three', 'seven', 'eleven', 'two'], 7, true);
  expect(outcome).toEqual(ok({ count: 5, tokens: 18, cut: { count: 3, tokens: 4 } }));
  expect(rows.map(([, length]) => length)).toEqual([3, 4, 4, 4, 3]);
});

it('[B46] a text that alone is longer stops the work', async () => {
  const { outcome, rows } = await copied(['one', 'eleven', 'two'], 5);
  expect(outcome).toMatchObject({ error: { code: 'limit_exceeded', limit: { name: 'embeddingTokensMaxCount' } } });
  expect(rows).toEqual([['v0', 3]]);
});

it('[TX244] fields go with their vectors, whatever parts these are embedded in', async () => {
  const contents = ['{"title":"a"}', null, '{"title":"c"}'];
  expect((await copied(['one', 'three', 'seven'], 9, false, contents)).held).toEqual([contents.slice(0, 2), contents.slice(2)]);
  expect((await copied(['one', 'three'], 9)).held).toEqual([undefined]);
});
