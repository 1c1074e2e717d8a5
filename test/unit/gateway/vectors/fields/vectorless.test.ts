import { describe, expect, it } from 'vitest';

import { paramOf } from '../../../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../../src/contract/api/parse.ts';
import { planEndpoints } from '../../../../../src/contract/vectors/plans/plans.ts';
import { vectorEndpoints } from '../../../../../src/contract/vectors/vectors.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import { RecallMeasurement } from '../../../../../src/gateway/vectors/recall-measurement.ts';
import { Searches } from '../../../../../src/gateway/vectors/searches.ts';
import { checkPlan } from '../../../../../src/gateway/vectors/plans/check-plan.ts';
import { upsertDigest } from '../../../../../src/gateway/vectors/upserts.ts';
import { VectorSpace } from '../../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { must } from '../../../../../src/kernel/assert.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { writeFrame } from '../../../../../src/kernel/vector-frame.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { FieldsWorld } from '../../../../support/worlds/fields-world.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';

const FIELDS = { body: { kind: 'text', source: 'text' }, title: { kind: 'text' }, terms: { kind: 'sparse', model: 'sparse' } };
const NONE = { dimensions: 0, model: null } as const;

const shown = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'written' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;
const lines = async (world: FieldsWorld): Promise<unknown[]> =>
  (await world.export())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('[TX250] vectors of an index without vectors', () => {
  it('have texts and fields, which are kept, and nothing is embedded', async () => {
    const world = await FieldsWorld.of(FIELDS, NONE);
    expect(
      shown(
        await world.upsert([
          { id: 'a', text: 'the lock' },
          { id: 'b', fields: { title: 'Weir', terms: 'a b' } },
          { id: 'c', values: null },
        ]),
      ),
    ).toBe('written');
    expect(await lines(world)).toEqual([
      { id: 'a', values: null, metadata: null, text: 'the lock' },
      { id: 'b', values: null, metadata: null, fields: { title: 'Weir', terms: expect.objectContaining({ text: 'a b' }) } },
      { id: 'c', values: null, metadata: null },
    ]);
    expect(world.calls).toEqual({ dense: 0, sparse: 1, tokens: 0 });
  });

  it('are refused with values, or as those of a model', async () => {
    const world = await FieldsWorld.of(FIELDS, NONE);
    expect(shown(await world.upsert([{ id: 'a' }]))).toBe(
      'invalid_value vectors[0]: give `values`, `text` or `fields`; `values: null` stands for no vector',
    );
    expect(
      shown(
        await world.upsert([
          { id: 'a', text: 'x' },
          { id: 'b', values: [1, 2] },
        ]),
      ),
    ).toBe('dimension_mismatch vectors[1].values: has 2 numbers; the index has no vectors: leave the values out');
    expect(shown(await world.upsert([{ id: 'a', text: 'x' }], { model: 'dense' }))).toMatch(/^contract_mismatch model: /);
    expect(shown(await world.setValues('a', [1, 2]))).toMatch(/^dimension_mismatch /);
    expect(await world.export()).toBe('');
  });
});

describe('[TX251] rows without a vector in an index that has vectors', () => {
  it('are those with null for values, or with neither values nor a text', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const given = [
      { id: 'a', values: null, text: 'kept' },
      { id: 'b', fields: { title: 'Weir' } },
      { id: 'c', text: 'four' },
      { id: 'd', values: [1, 2] },
    ];
    expect(shown(await world.upsert(given))).toBe('written');
    expect(await lines(world)).toMatchObject([
      { id: 'a', values: null, text: 'kept' },
      { id: 'b', values: null, fields: { title: 'Weir' } },
      { id: 'c', values: [4, 1], text: 'four' },
      { id: 'd', values: [1, 2] },
    ]);
    expect(world.calls.dense).toBe(1);
  });

  it('become of others and others of them, by new values or null', async () => {
    const world = await FieldsWorld.of({ title: { kind: 'text' } });
    await world.upsert([
      { id: 'a', text: 'four' },
      { id: 'b', values: null, text: 'five' },
    ]);
    expect([shown(await world.setValues('a', null)), shown(await world.setValues('b', [3, 4]))]).toEqual(['written', 'written']);
    expect(await lines(world)).toEqual([
      { id: 'a', values: null, metadata: null, text: 'four' },
      { id: 'b', values: [3, 4], metadata: null },
    ]);
  });

  it('have to be meant: a text that no model embeds needs null', async () => {
    const world = await FieldsWorld.of(FIELDS, { model: null });
    expect(shown(await world.upsert([{ id: 'a', text: 'x' }]))).toBe(
      'invalid_value vectors[0].text: the index was created without a model, so it takes vectors only; `values: null` keeps a text without one',
    );
    expect(shown(await world.upsert([{ id: 'a', values: null, text: 'x' }]))).toBe('written');
  });
});

describe('[TX252] what needs vectors', () => {
  const manifest = { id: 'ix_1', name: 'texts', dimensions: 0, metric: 'cosine', embedding: null } as unknown as IndexManifest;
  const manifests = new ManifestCache({ describe: async () => ok(manifest) } as never, { nowMs: () => 0 });
  const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
  const WHY = 'the index has no vectors: search its fields, by text or sparse legs of `POST /v1/indexes/{index}/search`';

  it.each([
    ['vector', { vector: [1, 2] }],
    ['text', { text: 'x' }],
    ['id', { id: 'a' }],
    ['positive_ids', { positive_ids: ['a'] }],
  ])('is refused by name of an index without: a query by %s', async (name, target) => {
    const body = parse(vectorEndpoints.queryVectors.body.schema, target);
    const shards = {} as never;
    const parts = { manifests, shards, space: new VectorSpace({} as never), fieldPoints: {} as never };
    const searches = new Searches({ ...parts, served: servedRows(), countInputs: () => undefined });
    const searched = await searches.search(caller, 'texts', [{ body: must(body.ok ? body.value : undefined, 'a query'), at: [] }]);
    expect(shown(searched)).toBe(`invalid_value ${name}: ${WHY}`);
  });

  it('is refused in a plan by its path, and so are measurements of recall', async () => {
    const planOf = (given: object) => {
      const body = parse(planEndpoints.searchIndex.body.schema, given);
      return shown(checkPlan({ ...manifest, fields: { t: { kind: 'text' } } } as never, must(body.ok ? body.value : undefined, 'a plan')));
    };
    const text = { kind: 'text', text: 'x' };
    expect(planOf({ legs: [text, { kind: 'vector', id: 'a' }] })).toBe(`invalid_value legs[1].kind: ${WHY}`);
    expect(planOf({ legs: [text], stages: [{ kind: 'mmr' }] })).toBe(`invalid_value stages[0].kind: ${WHY}`);
    expect(planOf({ text: 'x' })).toBe('written');
    const recall = new RecallMeasurement({ manifests, shards: {} as never, rng: { bytes: () => new Uint8Array(4) } });
    const measured = await recall.measure(caller.principal, 'texts', { samples: 1, top_k: 1, namespace: '' });
    expect(shown(measured)).toBe(`invalid_value index: ${WHY}`);
  });
});

describe('[TX253] exports', () => {
  it('have null for values that are not there, and imports take them as they are', async () => {
    const world = await FieldsWorld.of(FIELDS);
    await world.upsert([
      { id: 'a', values: null, text: 'kept' },
      { id: 'b', fields: { title: 'Weir' } },
      { id: 'c', values: [1, 2] },
    ]);
    const exported = await world.export();
    const [same, bare] = [await FieldsWorld.of(FIELDS), await FieldsWorld.of(FIELDS, NONE)];
    expect(await same.import(exported)).toMatchObject({ status: 'done', written: 3 });
    expect([await same.export(), same.calls.dense]).toEqual([exported, 0]);
    expect(await bare.import(exported)).toMatchObject({ status: 'stopped', written: 2, error: { line: 3, param: 'values' } });
  });

  it('of lines without values, and frames of rows without a number, have none', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const head = {
      vectors: [
        { id: 'a', values: 0 },
        { id: 'b', fields: { title: 'x' } },
        { id: 'c', values: null, text: 'y' },
      ],
    };
    expect(await world.import(writeFrame(head, Float32Array.of(1, 2), 2), true)).toMatchObject({ status: 'done', written: 3 });
    expect(await lines(world)).toMatchObject([{ values: [1, 2] }, { values: null }, { values: null, text: 'y' }]);
    const bare = await FieldsWorld.of(FIELDS, NONE);
    expect(await bare.import(writeFrame({ vectors: [{ id: 'a', text: 'x' }] }, new Float32Array(0), 0), true)).toMatchObject({
      written: 1,
    });
  });
});

it('[TX254] a repetition under one key has no values where the first try had none', async () => {
  const row = { id: 'a', namespace: '', text: 'x' };
  const digests = await Promise.all(
    [row, { ...row, values: null }, { ...row, values: Float32Array.of(1) }].map((vector) => upsertDigest({ vectors: [vector] })),
  );
  expect(new Set(digests).size).toBe(3);
});
