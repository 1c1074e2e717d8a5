import { describe, expect, it } from 'vitest';

import { paramOf } from '../../../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import { VECTOR_LIMITS } from '../../../../../src/contract/vectors/vector-limits.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { FieldsWorld } from '../../../../support/worlds/fields-world.ts';

const FIELDS = {
  title: { kind: 'text' },
  body: { kind: 'text', source: 'text' },
  terms: { kind: 'sparse', model: 'sparse' },
  tokens: { kind: 'multi_vector', dimensions: 2 },
};
const row = (id: string, fields: object) => ({ id, values: [1, 2], text: `text ${id}`, metadata: { of: id }, fields });
const shown = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'changed' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

async function filled(): Promise<FieldsWorld> {
  const world = await FieldsWorld.of(FIELDS);
  await world.upsert([row('a', { title: 'Lock', tokens: [[1, 0]] }), row('b', {}), row('c', { title: 'Weir' })]);
  return world;
}

describe('[TX255] fields of vectors changed alone', () => {
  it('are those that are named; everything else stays', async () => {
    const world = await filled();
    const before = (await world.export()).trim().split('\n');
    expect(await world.setFields({ ids: ['a', 'b', 'none'], set: { title: 'New' }, unset: ['tokens'] })).toMatchObject({
      value: { count: 2, missing: ['none'] },
    });
    expect(await world.fieldsOf('a', 'b', 'c')).toEqual([{ title: 'New' }, { title: 'New' }, { title: 'Weir' }]);
    const after = (await world.export()).trim().split('\n');
    const rest = (line: string | undefined) => ({ ...(JSON.parse(line ?? '') as object), fields: null });
    expect(after.map(rest)).toEqual(before.map(rest));
  });

  it('are of those that a filter accepts', async () => {
    const world = await filled();
    expect(await world.setFields({ filter: { of: { $in: ['b', 'c'] } }, set: { title: 'New' } })).toMatchObject({ value: { count: 2 } });
    expect(await world.fieldsOf('a', 'b', 'c')).toMatchObject([{ title: 'Lock' }, { title: 'New' }, { title: 'New' }]);
    expect(await world.setFields({ filter: { of: 'b' }, unset: ['title', 'terms'] })).toMatchObject({ value: { count: 1 } });
    expect(await world.fieldsOf('b')).toEqual([null]);
  });
});

describe('[TX219] vectors that each get their own values', () => {
  it('are changed in one call, each as if alone; those that are not there are named', async () => {
    const world = await filled();
    const vectors = [
      { id: 'c', set: { title: 'Sluice', terms: 'a b' } },
      { id: 'none', unset: ['title'] },
      { id: 'a', set: { terms: 'b' }, unset: ['tokens', 'title'] },
    ];
    expect(await world.setFields({ vectors })).toMatchObject({ value: { count: 2, missing: ['none'], tokens: 3 } });
    expect(await world.fieldsOf('a', 'b', 'c')).toEqual([
      { terms: { indices: [98], values: [1], text: 'b' } },
      null,
      { terms: { indices: [97, 98], values: [1, 1], text: 'a b' }, title: 'Sluice' },
    ]);
    expect(world.calls.sparse).toBe(1);
  });

  it('are checked before the first is changed, and paid for together', async () => {
    const world = await filled();
    const counts: number[] = [];
    const reserve = async (count: number) => (counts.push(count) > 1 ? refuse('insufficient_quota', 'no more') : ok(null));
    const late = {
      vectors: [
        { id: 'a', set: { title: 'New' } },
        { id: 'c', set: { tokens: [[1, 2, 3]] } },
      ],
    };
    expect(shown(await world.setFields(late, reserve))).toMatch(/^dimension_mismatch vectors\[1\]\.set\.tokens: has vectors of 3 numbers/);
    const cleared = {
      vectors: [
        { id: 'a', unset: ['title'] },
        { id: 'c', unset: ['title'] },
      ],
    };
    expect(await world.setFields(cleared, reserve)).toMatchObject({ value: { count: 2 } });
    expect(shown(await world.setFields({ vectors: [{ id: 'b', set: { title: 'New' } }] }, reserve))).toMatch(/^insufficient_quota/);
    expect([counts, ...(await world.fieldsOf('a', 'b', 'c'))]).toEqual([[2, 1], { tokens: expect.anything() as unknown }, null, null]);
  });

  it('go in slices, and texts that were cut are named by their place in the call', async () => {
    const world = await filled();
    const rows = Array.from({ length: 2 * VECTOR_LIMITS.patchSliceMaxCount + 1 }, (_, i) => row(`r${i}`, {}));
    for (let from = 0; from < rows.length; from += 1_000) await world.upsert(rows.slice(from, from + 1_000));
    const vectors = rows.map(({ id }, i) => ({ id, set: { terms: i % 1_000 === 7 ? 'word '.repeat(41) : 'a' } }));
    expect(await world.setFields({ vectors, truncate: 'end' })).toMatchObject({
      value: { count: rows.length, cut: [{ index: 7 }, { index: 1_007 }] },
    });
    expect(await world.fieldsOf('r2000')).toMatchObject([{ terms: { text: 'a' } }]);
    // Together more than one slice may hold.
    const titles = rows.slice(0, 100).map(({ id }) => ({ id, set: { title: id.padEnd(50_000, '.') } }));
    expect(await world.setFields({ vectors: titles })).toMatchObject({ value: { count: 100, missing: [] } });
    expect(await world.fieldsOf('r3', 'r99')).toMatchObject([{ title: titles[3]?.set.title }, { title: titles[99]?.set.title }]);
  });

  it.each<[string, object, string]>([
    [
      'an id twice',
      {
        vectors: [
          { id: 'a', unset: ['title'] },
          { id: 'a', unset: ['terms'] },
        ],
      },
      'vectors[1].id: ',
    ],
    ['a vector of nothing', { vectors: [{ id: 'a' }] }, 'vectors[0].set: give `set`, `unset` or both'],
    ['a field in both', { vectors: [{ id: 'a', set: { title: 'x' }, unset: ['title'] }] }, 'vectors[0].unset[0]: is in `set`, too'],
    ['values of all beside', { vectors: [{ id: 'a', unset: ['title'] }], set: { title: 'x' } }, 'set: is given by each of `vectors`'],
    ['ids beside', { vectors: [{ id: 'a', unset: ['title'] }], ids: ['a'] }, 'ids: give exactly one of `ids`, `filter` and `vectors`'],
    ['no vectors', { vectors: [] }, 'vectors: '],
    ['an unknown field', { vectors: [{ id: 'a', set: { titel: 'x' } }] }, 'vectors[0].set.titel: is no field of the index'],
  ])('are refused by their place: %s', async (_, change, refusal) => {
    const world = await filled();
    expect(shown(await world.setFields(change))).toContain(refusal);
    expect(await world.fieldsOf('c')).toEqual([{ title: 'Weir' }]);
  });
});

describe('[TX256] texts of changed fields', () => {
  it('are encoded by the model of their field once, whatever the number of vectors, and billed', async () => {
    const world = await filled();
    const changed = await world.setFields({ ids: ['a', 'b', 'c'], set: { terms: 'a b b' } });
    expect(changed).toMatchObject({ value: { count: 3, tokens: 3, cut: [] } });
    expect([world.calls.sparse, ...(await world.fieldsOf('b'))]).toEqual([
      1,
      { terms: { indices: [97, 98], values: [1, 2], text: 'a b b' } },
    ]);
  });

  it('are refused at their place, or cut, when they are too long', async () => {
    const world = await filled();
    const terms = 'word '.repeat(41);
    expect(shown(await world.setFields({ ids: ['a'], set: { terms } }))).toMatch(/^limit_exceeded set\.terms: has more than 40 words/);
    expect(await world.setFields({ ids: ['a'], set: { terms }, truncate: 'end' })).toMatchObject({ value: { cut: [{ index: 0 }] } });
  });

  it('take what vectors cost, of those that are named or found; without it nothing is changed', async () => {
    const world = await filled();
    const counts: number[] = [];
    const reserve = async (count: number) => (counts.push(count) > 2 ? refuse('insufficient_quota', 'no more') : ok(null));
    await world.setFields({ ids: ['a', 'a', 'b'], unset: ['title'] }, reserve);
    await world.setFields({ filter: { of: 'c' }, unset: ['terms'] }, reserve);
    expect(shown(await world.setFields({ ids: ['c'], unset: ['title'] }, reserve))).toMatch(/^insufficient_quota/);
    expect([counts, ...(await world.fieldsOf('c'))]).toEqual([[2, 1, 1], { title: 'Weir' }]);
  });
});

it.each<[string, object, string]>([
  ['nothing', {}, 'invalid_value set: give `set`, `unset` or both'],
  [
    'ids and a filter',
    { set: { title: 'x' }, filter: { of: 'a' } },
    'invalid_value ids: give exactly one of `ids`, `filter` and `vectors`',
  ],
  ['an unknown field', { set: { titel: 'x' } }, 'invalid_value set.titel: is no field of the index, which has "title"'],
  ['an unknown field to unset', { unset: ['titel'] }, 'invalid_value unset[0]: is no field of the index, which has "title"'],
  ['a field of the text', { unset: ['title', 'body'] }, "invalid_value unset[1]: is made of the row's own `text`: give that instead"],
  ['a field of the text to set', { set: { body: 'x' } }, "invalid_value set.body: is made of the row's own `text`: give that instead"],
  ['a field in both', { set: { title: 'x' }, unset: ['title'] }, 'invalid_value unset[0]: is in `set`, too'],
  ['other dimensions', { set: { tokens: [[1, 2, 3]] } }, 'dimension_mismatch set.tokens: has vectors of 3 numbers'],
])('[TX257] a change of fields is refused by its place: %s', async (_, change, refusal) => {
  const world = await filled();
  expect(shown(await world.setFields({ ids: ['a'], ...change }))).toContain(refusal);
  expect(await world.fieldsOf('c')).toEqual([{ title: 'Weir' }]);
});
