import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { accepts } from '../../../src/ann/filter/accepts.ts';
import type { JsonValue } from '../../../src/contract/api/json-value.ts';
import { qdrantFilter } from '../../../src/contract/qdrant/filter.ts';
import { parseExactJson } from '../../../src/kernel/exact-json.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { plainlyAccepts } from '../../support/oracles/plain-qdrant.ts';

const WORDS = ['red', 'blue', '', 'x'];
const NUMBERS = [-1, 0, 1, 2, 2.5];
const TIMES = ['2024-01-01T00:00:00Z', '2024-03-01', '2024-06-01T12:00:00+02:00'];
const PLACES = [
  { lat: 52.52, lon: 13.4 },
  { lat: 52.5, lon: 13.45 },
  { lat: -12.5, lon: 179.9 },
  { lat: 0, lon: -179.9 },
];

const scalar: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue[]>(...WORDS, ...NUMBERS, ...TIMES),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom<JsonValue[]>(...PLACES),
);
const leaf = fc.oneof({ weight: 3, arbitrary: scalar }, { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }) });
const item = fc.record({ n: leaf, m: leaf }, { requiredKeys: [] });
const payload = fc.record(
  { a: leaf, b: leaf, o: fc.record({ n: leaf }, { requiredKeys: [] }), list: fc.array(item, { maxLength: 3 }) },
  { requiredKeys: [] },
);

const keyword = fc.constantFrom<JsonValue[]>(...WORDS, 0, 1, 2, true);
const ends = (of: fc.Arbitrary<JsonValue>) => fc.dictionary(fc.constantFrom('lt', 'lte', 'gt', 'gte'), of, { minKeys: 1, maxKeys: 3 });
const place = fc.constantFrom(...PLACES);

/** Conditions on a key. */
const asked: fc.Arbitrary<Record<string, JsonValue>> = fc.oneof(
  keyword.map((value) => ({ match: { value } })),
  fc.array(keyword, { maxLength: 3 }).map((any) => ({ match: { any } })),
  { weight: 2, arbitrary: fc.array(keyword, { maxLength: 3 }).map((except) => ({ match: { except } })) },
  ends(fc.constantFrom<JsonValue[]>(...NUMBERS, null)).map((range) => ({ range })),
  ends(fc.constantFrom<JsonValue[]>(...TIMES, '2024-02-01T00:00:00')).map((range) => ({ range })),
  ends(fc.constantFrom<JsonValue[]>(0, 1, 2)).map((count) => ({ values_count: count })),
  fc.boolean().map((is) => ({ is_empty: is })),
  fc.boolean().map((is) => ({ is_null: is })),
  fc.record({ center: place, radius: fc.constantFrom(0, 5000, 3e6) }).map((circle) => ({ geo_radius: circle })),
  fc
    .tuple(place, place)
    .filter(([a, b]) => a.lat >= b.lat)
    .map(([a, b]) => ({ geo_bounding_box: { top_left: a, bottom_right: b } })),
);

const ID = ['7', '18446744073709551615', '5c56c793-69f3-4fbf-87e6-c4bf54c28c26'];

const conditionOf = (keys: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.tuple(keys, asked).map(([key, of]): JsonValue => ({ key, ...of })) },
    { weight: 1, arbitrary: keys.map((key): JsonValue => ({ is_empty: { key } })) },
    { weight: 1, arbitrary: keys.map((key): JsonValue => ({ is_null: { key } })) },
  );

const clausesOf = (condition: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> => {
  const some = fc.oneof(fc.array(condition, { maxLength: 2 }), condition);
  const minShould = fc.record({ conditions: fc.array(condition, { minLength: 1, maxLength: 3 }), min_count: fc.nat(3) });
  return fc.record({ must: some, should: some, must_not: some, min_should: minShould }, { requiredKeys: [] }) as fc.Arbitrary<JsonValue>;
};

const ofItems = clausesOf(conditionOf(fc.constantFrom('n', 'm')));
const condition: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 8, arbitrary: conditionOf(fc.constantFrom('a', 'b', 'o.n', 'list[].n')) },
  { weight: 2, arbitrary: ofItems.map((filter): JsonValue => ({ nested: { key: 'list', filter } })) },
  { weight: 1, arbitrary: fc.subarray(ID).map((ids): JsonValue => ({ has_id: ids.map((id) => (id === '7' ? 7 : id)) })) },
);
const filter = clausesOf(fc.oneof({ weight: 4, arbitrary: condition }, { weight: 1, arbitrary: clausesOf(condition) }));

it('[Q20] a filter accepts the same as an independent evaluator of Qdrant filters', () => {
  const seen: Record<string, number> = {};
  fc.assert(
    fc.property(filter, payload, fc.constantFrom(...ID), (written, of, id) => {
      const stored = JSON.parse(JSON.stringify(of)) as JsonValue;
      const bare = JSON.stringify(written).replaceAll('"18446744073709551615"', '18446744073709551615');
      const parsed = qdrantFilter.safeParse(parseExactJson(bare));
      // A few exceed `filterConditionsMaxCount` and are not valid filters.
      fc.pre(parsed.success || parsed.error.issues[0]?.code !== 'too_big');
      expect(parsed.error?.issues ?? []).toEqual([]);
      const expected = plainlyAccepts(written, stored, id);
      expect(accepts(parsed.data!, stored, id)).toBe(expected);
      seen[expected ? 'accepted' : 'refused'] = (seen[expected ? 'accepted' : 'refused'] ?? 0) + 1;
      if (!expected) return;
      for (const word of [
        'except',
        'any',
        'range',
        'values_count',
        'is_empty',
        'is_null',
        'geo_radius',
        'geo_bounding_box',
        'nested',
        'has_id',
        'min_should',
      ]) {
        if (bare.includes(`"${word}"`)) seen[word] = (seen[word] ?? 0) + 1;
      }
    }),
    { seed: 20, numRuns: effort(4000) },
  );
  expect(Math.min(seen['accepted'] ?? 0, seen['refused'] ?? 0)).toBeGreaterThan(300);
  expect(Object.keys(seen).length).toBe(13);
  for (const [word, count] of Object.entries(seen)) expect(count, word).toBeGreaterThan(50);
});
