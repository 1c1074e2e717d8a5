import { describe, expect, it } from 'vitest';

import type { IndexManifest } from '../../../src/ann/index-manifest.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { EmbeddedTexts, TextEmbedder } from '../../../src/gateway/text-embedder.ts';
import { VectorSpace } from '../../../src/gateway/vector-space.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { principal } from '../../support/memory-cache-world.ts';

const tenant = principal('tn_one');
const caller = { principal: tenant, reserve: async () => ok(undefined) };
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

/** An embedder that answers texts that are numbers with [number, -number]. */
const spaceOf = (contractHash = 'hash-1', refused?: Outcome<EmbeddedTexts>) =>
  new VectorSpace({
    contractOf: () => ok({ contractHash, dimensions: 2, version: '1' }),
    embed: async ({ texts }) =>
      refused ??
      ok({
        vectors: Float32Array.from(texts.flatMap((text) => [Number(text), -Number(text)])),
        dimensions: 2,
        contractHash,
        tokens: texts.length,
        cachedTokens: 0,
      }),
  } satisfies TextEmbedder);

const at = (i: number) => `vectors[${i}]`;
const mixed = [
  { values: Float32Array.of(1, 2), path: at(0) },
  { text: '7', path: at(1) },
  { values: Float32Array.of(3, 4), path: at(2) },
  { text: '8', path: at(3) },
];

describe('a batch of values and texts', () => {
  it('[V24] has each point in its own row', async () => {
    const placed = await spaceOf().place(caller, manifest, undefined, mixed);
    expect(placed.ok && [...placed.value.values]).toEqual([1, 2, 7, -7, 3, 4, 8, -8]);
    expect(placed).toMatchObject({ value: { tokens: 2, cachedTokens: 0 } });
  });

  it('[V25] names the point that the embedder refused as the caller knows it', async () => {
    const refused = spaceOf('hash-1', refuse('limit_exceeded', 'input[1] has 9 tokens', 'input[1]'));
    expect(await refused.place(caller, manifest, undefined, mixed)).toMatchObject({
      error: { code: 'limit_exceeded', param: 'vectors[3].text', message: 'vectors[3].text has 9 tokens' },
    });
  });

  it('[V24] takes no text once the model is another than at the creation', async () => {
    const space = spaceOf('hash-2');
    expect(await space.place(caller, manifest, undefined, mixed)).toMatchObject({ error: { code: 'contract_mismatch' } });
    expect(await space.place(caller, manifest, 'glove', mixed.slice(0, 1))).toMatchObject({ error: { code: 'contract_mismatch' } });
    expect(await space.place(caller, manifest, undefined, mixed.slice(0, 1))).toMatchObject({ ok: true });
  });
});
