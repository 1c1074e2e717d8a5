import { describe, expect, it } from 'vitest';

import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { EmbeddedTexts, TextEmbedder } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { embeddingSpace } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { batchPaths, VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';

const tenant = principal('tn_one');
const caller = { principal: tenant, authority: IN_FORCE, reserve: async () => ok(undefined) };
const manifest: IndexManifest = {
  id: 'ix_1' as IndexId,
  tenantId: tenant.tenantId,
  name: 'mixed',
  dimensions: 2,
  metric: 'dot',
  embedding: { model: 'glove', contractHash: 'hash-1' },
  owner: 'search',
  createdS: 1,
  generation: 1,
};

/** An embedder that turns a text with a number into [number, -number]. */
const spaceOf = (contractHash = 'hash-1', refused?: Outcome<EmbeddedTexts>) =>
  new VectorSpace({
    contractOf: async (_, id) => ok({ id, contractHash, dimensions: 2, version: '1' }),
    embed: async ({ texts }) =>
      refused ??
      ok({
        vectors: Float32Array.from(texts.flatMap((text) => [Number(text), -Number(text)])),
        dimensions: 2,
        contractHash,
        tokens: texts.length,
        cut: [],
        cachedTokens: 0,
      }),
  } satisfies TextEmbedder);

const mixed = [
  { values: Float32Array.of(1, 2), paths: batchPaths(0) },
  { text: '7', paths: batchPaths(1) },
  { values: Float32Array.of(3, 4), paths: batchPaths(2) },
  { text: '8', paths: batchPaths(3) },
];

describe('a batch of values and texts', () => {
  it('[V24] has each point in its own row', async () => {
    const placed = await spaceOf().place(caller, manifest, undefined, mixed);
    expect(placed.ok && [...placed.value.values]).toEqual([1, 2, 7, -7, 3, 4, 8, -8]);
    expect(placed).toMatchObject({ value: { tokens: 2, cachedTokens: 0 } });
  });

  it('[V25] names the refused point by its position in the request', async () => {
    const refused = spaceOf('hash-1', refuse('limit_exceeded', 'has 9 tokens', ['input', 1]));
    expect(await refused.place(caller, manifest, undefined, mixed)).toMatchObject({
      error: { code: 'limit_exceeded', path: ['vectors', 3, 'text'], message: 'has 9 tokens' },
    });
  });

  it('[V24] accepts no text if the model has changed since the creation', async () => {
    const space = spaceOf('hash-2');
    expect(await space.place(caller, manifest, undefined, mixed)).toMatchObject({ error: { code: 'contract_mismatch' } });
    expect(await space.place(caller, manifest, 'glove', mixed.slice(0, 1))).toMatchObject({ error: { code: 'contract_mismatch' } });
    expect(await space.place(caller, manifest, undefined, mixed.slice(0, 1))).toMatchObject({ ok: true });
  });
});

describe('contracts', () => {
  const contracts: Record<string, string> = { items: 'hash-items', queries: 'hash-queries', glove: 'hash-1' };
  const asked: string[] = [];
  const space = new VectorSpace({
    contractOf: async (_, id) => ok({ id, contractHash: contracts[id] ?? 'other', dimensions: 2, version: '1' }),
    embed: async ({ model, texts }) => {
      asked.push(model);
      return ok({
        vectors: new Float32Array(2 * texts.length).fill(1),
        dimensions: 2,
        contractHash: '',
        tokens: 1,
        cut: [],
        cachedTokens: 0,
      });
    },
  } satisfies TextEmbedder);
  const towers: IndexManifest = {
    ...manifest,
    embedding: { model: 'items', contractHash: 'hash-items' },
    queryEmbedding: { model: 'queries', contractHash: 'hash-queries' },
  };
  const accepted = (...models: string[]) => models.map((model) => ({ model: `${model}@1`, contract_hash: contracts[model] }));

  it('[B20] are listed in the refusal of another contract', async () => {
    const refused = (of: IndexManifest, model: string) => ({ code: 'contract_mismatch', path: ['model'], of, model });
    for (const [of, model, models] of [
      [manifest, 'strange', ['glove']],
      [{ ...manifest, embedding: null }, 'glove', []],
      [towers, 'queries', ['items']],
    ] as const) {
      const { code, path } = refused(of, model);
      expect(await space.checkModel(of, model)).toMatchObject({ error: { code, path, accepted: accepted(...models) } });
    }
    expect(await space.checkModel(towers, 'items', 'queries')).toMatchObject({ error: { accepted: accepted('queries') } });
  });

  it('[B21] are separate for vectors and for queries', async () => {
    expect(await space.checkModel(towers, 'items')).toEqual(ok(null));
    expect(await space.checkModel(towers, 'queries', 'queries')).toEqual(ok(null));
    expect(await space.checkModel(manifest, 'glove', 'queries')).toEqual(ok(null));
    await space.place(caller, towers, 'items', [{ text: 'a', paths: batchPaths(0) }]);
    await space.place(caller, towers, undefined, [{ text: 'a', paths: batchPaths(0) }], 'queries');
    await space.place(caller, manifest, undefined, [{ text: 'a', paths: batchPaths(0) }], 'queries');
    expect(asked).toEqual(['items', 'queries', 'glove']);
  });
});

describe('a model of two versions', () => {
  const versions = [
    { contractHash: 'hash-old', version: '1' },
    { contractHash: 'hash-new', version: '2' },
  ] as const;
  const asked: (string | undefined)[] = [];
  const space = new VectorSpace({
    contractOf: async (_, model, contractHash) => {
      const named = versions.filter(({ version }) => model === 'glove' || model === `glove@${version}`);
      const found = named.find((one) => one.contractHash === contractHash) ?? named.at(-1);
      return found === undefined ? refuse('model_not_found', 'none', 'model') : ok({ ...found, id: 'glove', dimensions: 2 });
    },
    embed: async ({ contractHash, texts }) => {
      asked.push(contractHash);
      return ok({ vectors: new Float32Array(2 * texts.length), dimensions: 2, contractHash: '', tokens: 1, cut: [], cachedTokens: 0 });
    },
  } satisfies TextEmbedder);
  const stored: IndexManifest = { ...manifest, embedding: { model: 'glove', contractHash: 'hash-old' } };
  const text = [{ text: 'a', paths: batchPaths(0) }];

  it('[M65] embeds texts of a stored index by the version it is pinned to', async () => {
    for (const use of ['items', 'queries'] as const) {
      for (const model of [undefined, 'glove', 'glove@1'])
        expect(await space.place(caller, stored, model, text, use)).toMatchObject({ ok: true });
    }
    expect(asked).toEqual(Array<string>(6).fill('hash-old'));
    expect(await space.place(caller, stored, 'glove@2', text)).toMatchObject({ error: { code: 'contract_mismatch' } });
  });

  it('[M65] refuses vectors of the newest there, and names the version whose vectors it takes', async () => {
    for (const model of ['glove', 'glove@2'])
      expect(await space.check(stored, model, mixed)).toMatchObject({
        error: { code: 'contract_mismatch', accepted: [{ model: 'glove@1', contract_hash: 'hash-old' }] },
      });
    expect(await space.check(stored, 'glove@1', mixed)).toEqual(ok(null));
    expect(await space.check({ ...stored, embedding: { model: 'glove', contractHash: 'hash-new' } }, 'glove', mixed)).toEqual(ok(null));
  });
});

describe('the space of a new index', () => {
  const dimensionsOf: Record<string, number> = { items: 2, queries: 2, wide: 3 };
  const embedder = {
    contractOf: async (_: string, name: string): ReturnType<TextEmbedder['contractOf']> => {
      const model = name === 'alias' ? 'items' : name;
      const dimensions = dimensionsOf[model];
      return dimensions === undefined
        ? refuse('model_not_found', 'no such model', 'model')
        : ok({
            id: model,
            contractHash: `hash-${model}`,
            dimensions,
            version: '1',
            ...(model === 'wide' ? { retrievalQuality: 0.7 } : {}),
          });
    },
  };

  const space = (model: string, queryModel?: string) => embeddingSpace(embedder, tenant.tenantId, model, queryModel);

  it('[B21] accepts two models of the same dimensions, and no others', async () => {
    expect(await space('items')).toEqual(ok({ dimensions: 2, embedding: { model: 'items', contractHash: 'hash-items' } }));
    expect(await space('items', 'queries')).toMatchObject({
      value: { dimensions: 2, queryEmbedding: { model: 'queries', contractHash: 'hash-queries' } },
    });
    expect(await space('items', 'wide')).toMatchObject({ error: { code: 'dimension_mismatch', path: ['query_model'] } });
    expect(await space('items', 'none')).toMatchObject({ error: { code: 'model_not_found', path: ['query_model'] } });
    expect(await space('none', 'items')).toMatchObject({ error: { code: 'model_not_found', path: ['model'] } });
  });

  it('[M213] has the quality of the model, if it is known', async () => {
    expect(await space('wide')).toEqual(
      ok({ dimensions: 3, embedding: { model: 'wide', contractHash: 'hash-wide', retrievalQuality: 0.7 } }),
    );
  });

  it('[M44] has the model that an alias stands for, not the alias', async () => {
    const embedding = { model: 'items', contractHash: 'hash-items' };
    expect(await space('alias', 'alias')).toEqual(ok({ dimensions: 2, embedding, queryEmbedding: embedding }));
  });
});
