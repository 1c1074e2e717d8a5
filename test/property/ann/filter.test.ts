import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { accepts } from '../../../src/ann/filter/accepts.ts';
import { compareText } from '../../../src/ann/id-order.ts';
import { RowSet } from '../../../src/ann/filter/row-set.ts';
import { Selection } from '../../../src/ann/filter/selection.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import { instantOf } from '../../../src/contract/vectors/instant.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { filterArbitrary, idOf, metadataArbitrary } from '../../support/worlds/filter-world.ts';
import { naivelyAccepts } from '../../support/oracles/naive-filter.ts';

const OPERATORS = ['$eq', '$in', '$lt', '$exists', '$empty', '$size', '$elemMatch', '$geoWithin', '$atLeast', '$id', '$not'];

describe('a filter', () => {
  it('[V60][V61][V62][V63][V69][V70][V140][V141][V142][V143][V144][V145] agrees with a naive evaluator', () => {
    const seen = { accepted: 0, refused: 0 };
    const by: Record<string, number> = {};
    fc.assert(
      fc.property(filterArbitrary, metadataArbitrary, fc.nat(30), (written, metadata, n) => {
        // As stored: JSON keeps neither undefined nor negative zero.
        const stored = JSON.parse(JSON.stringify(metadata)) as typeof metadata;
        const expected = naivelyAccepts(written, stored, idOf(n));
        const parsed = filter.safeParse(written);
        // A few exceed `filterConditionsMaxCount` and are not valid filters.
        fc.pre(parsed.success || parsed.error.issues[0]?.code !== 'too_big');
        expect(accepts(filter.parse(written), stored, idOf(n))).toBe(expected);
        seen[expected ? 'accepted' : 'refused'] += 1;
        const text = JSON.stringify(written);
        for (const operator of OPERATORS)
          if (text.includes(operator) && (operator !== '$geoWithin' || expected)) by[operator] = (by[operator] ?? 0) + 1;
      }),
      { seed: 60, numRuns: effort(4000) },
    );
    expect(seen.accepted).toBeGreaterThan(800);
    expect(seen.refused).toBeGreaterThan(800);
    for (const operator of OPERATORS) expect(by[operator]).toBeGreaterThan(100);
  });
});

describe('instantOf', () => {
  it('[V63] reads RFC 3339 as the platform does, in every offset and century', () => {
    const time = fc.record({
      at: fc.integer({ min: Date.UTC(0, 0, 1), max: Date.UTC(9999, 11, 30) }),
      offset: fc.integer({ min: -1439, max: 1439 }),
    });
    fc.assert(
      fc.property(time, ({ at, offset }) => {
        const iso = new Date(at).toISOString();
        expect(instantOf(iso)).toBe(at * 1000);
        const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) => String(part).padStart(2, '0'));
        const shifted = iso.replace('Z', `${offset < 0 ? '-' : '+'}${hours}:${minutes}`);
        expect(instantOf(shifted)).toBe(Date.parse(shifted) * 1000);
        expect(instantOf(iso.slice(0, 10))).toBe(Date.parse(iso.slice(0, 10)) * 1000);
      }),
      { seed: 61, numRuns: effort(500) },
    );
  });

  it('[V63] accepts leap seconds and microseconds, and nothing that is not a time', () => {
    expect(instantOf('2016-12-31T23:59:60Z')).toBe(instantOf('2017-01-01T00:00:00Z'));
    expect(instantOf('1970-01-01t00:00:01.2345678z')).toBe(1_234_567);
    expect(instantOf('2000-02-29')).toBe(Date.UTC(2000, 1, 29) * 1000);
    expect(instantOf('2023-01-01T00:00:00')).toBe(instantOf('2023-01-01T00:00:00Z'));
    for (const text of ['1900-02-29', '2023-04-31', '2023-13-01', '2023-01-01T24:00:00Z', '2023-01-01T00:00Z', ' 2023-01-01']) {
      expect([text, instantOf(text)]).toEqual([text, undefined]);
    }
  });
});

describe('compareText', () => {
  it('[V62] orders as UTF-8 does', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { seed: 62, numRuns: effort(1000), examples: [['\uffff', '😀']] },
    );
  });
});

describe('Selection', () => {
  it('[V64] combines rows like sets, adjacent or far apart', () => {
    const rows = fc.uniqueArray(fc.oneof(fc.nat(70), fc.nat(100_000), fc.constantFrom(32_767, 32_768, 2 ** 40)), { maxLength: 40 });
    const selection = fc.record({ rows, isInverted: fc.boolean() });
    fc.assert(
      fc.property(selection, selection, fc.nat(100_000), (a, b, after) => {
        const [A, B] = [a, b].map(({ rows: list, isInverted }) => new Selection(RowSet.of(list), isInverted)) as [Selection, Selection];
        const isIn = ({ rows: list, isInverted }: typeof a, row: number) => list.includes(row) !== isInverted;
        for (const row of [...a.rows, ...b.rows, after, 3]) {
          expect(A.has(row)).toBe(isIn(a, row));
          expect(A.not().has(row)).toBe(!isIn(a, row));
          expect(A.and(B).has(row)).toBe(isIn(a, row) && isIn(b, row));
          expect(A.or(B).has(row)).toBe(isIn(a, row) || isIn(b, row));
        }
        const sorted = a.rows.toSorted((x, y) => x - y);
        const set = RowSet.of(a.rows);
        expect([[...set], set.size]).toEqual([sorted, sorted.length]);
        expect(set.firstBehind(after, 5)).toEqual(sorted.filter((row) => row > after).slice(0, 5));
      }),
      { seed: 64, numRuns: effort(300) },
    );
  });
});
