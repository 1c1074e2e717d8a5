import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parse } from '../../../src/contract/api/parse.ts';
import type { FieldValue } from '../../../src/contract/vectors/field-values.ts';
import { fieldValues } from '../../../src/contract/vectors/field-values.ts';
import { quantiseTokens } from '../../../src/contract/vectors/token-codes.ts';
import { upsertDigest } from '../../../src/gateway/vectors/upserts.ts';
import { fromBase64 } from '../../../src/kernel/bytes.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { FieldsWorld } from '../../support/worlds/fields-world.ts';

const FIELDS = {
  title: { kind: 'text' },
  constructor: { kind: 'sparse' } as const,
  terms: { kind: 'sparse', model: 'sparse' },
  tokens: { kind: 'multi_vector', dimensions: 3 },
  image: { kind: 'vector', dimensions: 3, metric: 'dot' },
};

const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' })).filter((given) => given.isWellFormed());
const sparse = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 4_294_967_295 }), float), { selector: ([index]) => index, maxLength: 12 })
  .map((numbers) => ({ indices: numbers.map(([index]) => index), values: numbers.map(([, value]) => value) }));
const vectors = fc.array(fc.tuple(float, float, float), { minLength: 1, maxLength: 4 });
const image = fc.tuple(float, float, float);
const fields = fc.record(
  { title: text, terms: fc.oneof(sparse, fc.constant('lock keeper')), tokens: vectors, image },
  { requiredKeys: [] },
);

/** What codes stand for, row by row. */
function decoded({ codes, scales }: { readonly codes: string; readonly scales: readonly number[] }): number[] {
  const bytes = new Int8Array(fromBase64(codes)?.buffer ?? new ArrayBuffer(0));
  return [...bytes].map((code, at) => code * (scales[Math.floor(at / 3)] ?? Number.NaN));
}

const sorted = (values: ReadonlyMap<string, FieldValue>): string => JSON.stringify([...values].sort(([a], [b]) => (a < b ? -1 : 1)));

describe('fields of rows', () => {
  it('[TX243] [TX248] what was upserted is fetched, exported and imported the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fields, { minLength: 1, maxLength: 6 }), async (rows) => {
        const world = await FieldsWorld.of(FIELDS);
        const written = await world.upsert(rows.map((row, i) => ({ id: `v${i}`, values: [i, 1], fields: row })));
        expect(written).toMatchObject({ ok: true, value: { count: rows.length } });
        const exported = await world.export();
        const other = await FieldsWorld.of(FIELDS);
        expect(await other.import(exported)).toMatchObject({ status: 'done', written: rows.length });
        expect(await other.export()).toBe(exported);
        const kept = await other.fieldsOf(...rows.map((_, i) => `v${i}`));
        expect(kept).toEqual(await world.fieldsOf(...rows.map((_, i) => `v${i}`)));
        expect(kept.map((row) => (row as { title?: string } | null)?.title)).toEqual(rows.map(({ title }) => title));
        const images = kept.map((row) => (row as { image?: { vector: string } } | null)?.image?.vector);
        expect(images).toEqual(rows.map((row) => row.image && Buffer.from(Float32Array.from(row.image).buffer).toString('base64')));
      }),
      { numRuns: effort(60) },
    );
  });

  it('[TX234] numbers of a sparse vector stay with their indices, in whatever order they come', () => {
    fc.assert(
      fc.property(sparse, (given) => {
        const read = parse(fieldValues, { f: given });
        const value = read.ok ? read.value.get('f') : undefined;
        if (value?.kind !== 'sparse') throw new Error('a sparse vector is taken');
        expect(value.indices).toEqual([...given.indices].sort((a, b) => a - b));
        expect(new Map(value.indices.map((index, at) => [index, value.values[at]]))).toEqual(
          new Map(given.indices.map((index, at) => [index, given.values[at]])),
        );
      }),
      { numRuns: effort(300) },
    );
  });

  it('[TX235] no number moves by more than half a scale, and what codes stand for becomes the same codes', () => {
    fc.assert(
      fc.property(vectors, (given) => {
        const once = quantiseTokens(Float32Array.from(given.flat()), 3);
        const numbers = decoded(once);
        for (const [at, number] of given.flat().entries()) {
          const scale = once.scales[Math.floor(at / 3)] ?? Number.NaN;
          // A scale below the normal numbers of float32 is off by as much as a number is.
          const slack = 1e-6 * Math.abs(number) + 128 * 2 ** -149;
          expect(Math.abs(number - (numbers[at] ?? Number.NaN))).toBeLessThanOrEqual(scale / 2 + slack);
        }
        const isNormal = once.scales.every((scale) => scale === 0 || (scale > 1e-30 && scale < 1e36));
        if (isNormal) expect(quantiseTokens(Float32Array.from(numbers), 3)).toEqual(once);
      }),
      { numRuns: effort(500) },
    );
  });

  it('[TX240] the digest of an upsert is that of its fields, in whatever order they come', async () => {
    const read = (given: object): ReadonlyMap<string, FieldValue> => {
      const parsed = parse(fieldValues, given);
      if (!parsed.ok) throw new Error(parsed.error.message);
      return parsed.value;
    };
    const digest = (given: object | undefined) =>
      upsertDigest({ vectors: [{ id: 'a', namespace: '', text: 'x', ...(given === undefined ? {} : { fields: read(given) }) }] });
    await fc.assert(
      fc.asyncProperty(fields, fields, async (one, other) => {
        const turned = Object.fromEntries(Object.entries(one).reverse());
        expect(await digest(turned)).toBe(await digest(one));
        expect((await digest(one)) === (await digest(other))).toBe(sorted(read(one)) === sorted(read(other)));
      }),
      { numRuns: effort(60) },
    );
    expect(await digest({})).not.toBe(await digest(undefined));
  });
});
