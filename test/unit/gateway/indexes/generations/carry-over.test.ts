import { describe, expect, it } from 'vitest';

import type { Shadow } from '../../../../../src/index/generations/generation-state.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { VECTOR_LIMITS } from '../../../../../src/contract/vectors/vector-limits.ts';
import type { CopyParts } from '../../../../../src/gateway/indexes/generations/copy-vectors.ts';
import { copyVectors } from '../../../../../src/gateway/indexes/generations/copy-vectors.ts';
import type { IndexId } from '../../../../../src/kernel/ids.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { GenerationWorld, TENANT } from '../../../../support/worlds/generation-world.ts';
import { Seeded } from '../../../../../src/kernel/seeded.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';

const CALLER = { principal: TENANT, authority: IN_FORCE, reserve: async () => ok(undefined) };

const manifestOf = (id: string, generation: number, model: string | null, dimensions: number): IndexManifest => ({
  id: id as IndexId,
  tenantId: TENANT.tenantId,
  name: 'carried',
  dimensions,
  metric: 'dot',
  embedding: model === null ? null : { model, contractHash: `hash-${model}` },
  owner: 'tests',
  createdS: 1,
  generation,
});

const shadowOf = (manifest: IndexManifest): Shadow => ({
  manifest,
  phase: 'opening',
  hasServed: false,
  owner: TENANT,
  feed: null,
  filled: null,
  copied: 0,
  tokens: 0,
  comparison: null,
  fault: null,
  dropsMissing: false,
});

async function worked(world: GenerationWorld, until: () => boolean): Promise<void> {
  for (let runs = 0; runs < 50 && !until(); runs += 1) await world.worker().advance(TENANT.tenantId, 'carried');
  expect(until()).toBe(true);
}

describe('vectors without a text', () => {
  it('[B35] prevent another model from serving, unless they may be dropped', async () => {
    const world = new GenerationWorld(new Seeded(1), manifestOf('ix_a', 1, 'first', 2), 0);
    const vectors = world.gateway();
    const body = [
      { id: 'text', text: 'a barge', namespace: '' },
      { id: 'values', values: Float32Array.of(1, 2), namespace: '' },
      { id: 'later', text: 'a lock', namespace: '' },
    ];
    await vectors.write(CALLER, 'carried', { vectors: body, model: undefined }, null);
    world.call({ kind: 'begin', shadow: shadowOf(manifestOf('ix_b', 2, 'second', 3)), creation: { idempotencyKey: null, bodyDigest: '' } });
    await worked(world, () => world.state.shadow?.phase === 'following');
    // A row with a text when it was copied, rewritten without one.
    await vectors.write(
      CALLER,
      'carried',
      { vectors: [{ id: 'later', values: Float32Array.of(3, 4), namespace: '' }], model: undefined },
      null,
    );
    const activate = (dropsMissing: boolean) =>
      world.call({
        kind: 'change',
        version: world.state.version,
        event: { kind: 'activation', generation: 'ix_b' as IndexId, dropsMissing },
      });
    activate(false);
    await worked(world, () => world.state.shadow?.phase === 'following');
    expect(world.state).toMatchObject({
      serving: { id: 'ix_a' },
      shadow: { fault: '2 vectors have no text, so the other generation lacks them' },
    });
    expect(await vectors.write(CALLER, 'carried', { vectors: [body[0]!], model: undefined }, null), 'writes go on').toMatchObject({
      ok: true,
    });
    activate(true);
    await worked(world, () => world.state.shadow?.phase === 'following' && world.state.serving.id === 'ix_b');
    const left = await vectors.fetch(CALLER, 'carried', {
      ids: ['text', 'values', 'later'],
      namespace: '',
      consistency: 'strong',
      include_values: true,
      include_metadata: false,
      include_text: false,
      include_fields: false,
    });
    expect(left).toMatchObject({ value: { ids: ['text'] } });
  });
});

interface Written {
  readonly ids: readonly string[];
  readonly values: Float32Array;
  readonly vectorless?: readonly boolean[];
}

describe('copying vectors', () => {
  const settled: [string | undefined, string | undefined, number | undefined][] = [];
  const written: Written[] = [];
  const asked: number[] = [];
  const parts = {
    shards: indexShards({
      upsert: async (_: unknown, { ids, values, vectorless }: Written) => {
        written.push({ ids, values, ...(vectorless === undefined ? {} : { vectorless }) });
        return ok({ count: ids.length, lsn: 1 });
      },
    }),
    embedder: {
      embed: async ({ texts, reserve }: { texts: readonly string[]; reserve: (q: { embedding_tokens: number }) => Promise<unknown> }) => {
        asked.push(texts.reduce((sum, text) => sum + text.length, 0));
        await reserve({ embedding_tokens: texts.length });
        return ok({
          vectors: new Float32Array(3 * texts.length).fill(1),
          dimensions: 3,
          contractHash: '',
          tokens: texts.length,
          cut: [],
          cachedTokens: 1,
        });
      },
    },
    authorityOf: () => IN_FORCE,
    budget: {
      reserve: async () =>
        ok({
          extend: async () => ok(undefined),
          settle: ({ embedding_tokens: tokens }: { embedding_tokens?: number }, label: { usageId?: string; model?: string }) => {
            settled.push([label.usageId, label.model, tokens]);
            return 0;
          },
        }),
    },
  } as unknown as CopyParts;
  const copy = {
    from: manifestOf('ix_a', 1, 'first', 2),
    to: manifestOf('ix_b', 2, 'second', 3),
    owner: TENANT,
    isTruncating: false,
    run: 4,
  };

  it('[B36] is billed under an id of the work and the model, which is the same when repeated', async () => {
    const texts = Array.from({ length: 5 }, () => 'x'.repeat(100_000));
    const columns = { ids: ['a', 'b', 'c', 'd', 'e'], values: new Float32Array(10), metadata: null, texts };
    for (let times = 0; times < 2; times += 1)
      expect(await copyVectors(parts, copy, '', columns, 'work')).toMatchObject({ value: { count: 5, tokens: 5 } });
    expect(settled.length).toBeGreaterThan(4);
    expect(settled.slice(0, settled.length / 2)).toEqual(settled.slice(settled.length / 2));
    expect(new Set(settled.map(([id]) => id)).size).toBe(settled.length / 2);
    expect(settled.every(([, model]) => model === 'second')).toBe(true);
    expect(Math.max(...asked)).toBeLessThanOrEqual(VECTOR_LIMITS.importBatchTextCharsMax);
  });

  it('[B32] copies values unchanged while the embedding contract is the same, with or without text', async () => {
    written.length = 0;
    const same = { ...copy, to: { ...copy.from, id: 'ix_b' as IndexId } };
    const columns = { ids: ['a', 'b'], values: Float32Array.of(1, 2, 3, 4), metadata: null, texts: ['text', null] };
    expect(await copyVectors(parts, same, '', columns, 'work')).toMatchObject({ value: { count: 2, tokens: 0 } });
    expect(written).toEqual([{ ids: ['a', 'b'], values: Float32Array.of(1, 2, 3, 4) }]);
  });

  it('[TX258] takes rows without a vector over: by their texts, or as they are', async () => {
    written.length = 0;
    const columns = {
      ids: ['a', 'b', 'c'],
      values: Float32Array.of(1, 2, 0, 0, 0, 0),
      vectorless: [false, true, true],
      metadata: null,
      texts: ['text', 'more', null],
    };
    const same = { ...copy, to: { ...copy.from, id: 'ix_b' as IndexId } };
    expect(await copyVectors(parts, same, '', columns, 'work')).toMatchObject({ value: { count: 3 } });
    expect(await copyVectors(parts, copy, '', columns, 'work')).toMatchObject({ value: { count: 3, tokens: 2 } });
    const none = { ...copy, to: { ...manifestOf('ix_b', 2, 'none', 0), embedding: null } };
    expect(await copyVectors(parts, none, '', columns, 'work')).toMatchObject({ value: { count: 3, tokens: 0 } });
    expect(written).toEqual([
      { ids: ['a', 'b', 'c'], values: columns.values, vectorless: columns.vectorless },
      { ids: ['c'], values: new Float32Array(3), vectorless: [true] },
      { ids: ['a', 'b'], values: new Float32Array(6).fill(1) },
      { ids: ['a', 'b', 'c'], values: new Float32Array(0), vectorless: [true, true, true] },
    ]);
  });
});

describe('following changes', () => {
  it('[B44] embeds changed rows, and not those that are announced because they moved', async () => {
    const world = new GenerationWorld(new Seeded(2), manifestOf('ix_a', 1, 'first', 2), 0);
    const vectors = world.gateway();
    const write = (body: { id: string; text: string; metadata?: string }[]) =>
      vectors.write(CALLER, 'carried', { vectors: body.map((one) => ({ ...one, namespace: '' })), model: undefined }, null);
    await write(['a', 'b', 'c'].map((id) => ({ id, text: `text of ${id}` })));
    world.call({ kind: 'begin', shadow: shadowOf(manifestOf('ix_b', 2, 'second', 3)), creation: { idempotencyKey: null, bodyDigest: '' } });
    await worked(world, () => world.state.shadow?.phase === 'following');
    const tokens = () => world.state.shadow?.tokens ?? 0;
    const filled = tokens();
    // Rows rewritten unchanged, as when they move to another shard.
    await write(['a', 'b', 'c'].map((id) => ({ id, text: `text of ${id}` })));
    const copied = world.state.shadow?.feed?.['0']?.row;
    await worked(world, () => world.state.shadow?.feed?.['0']?.row !== copied);
    await worked(world, () => world.state.shadow?.phase === 'following');
    expect(tokens()).toBe(filled);
    await write([
      { id: 'a', text: 'another text' },
      { id: 'b', text: 'text of b', metadata: '{"year":1}' },
    ]);
    await worked(world, () => tokens() === filled + 2);
  });
});
