import { describe, expect, it } from 'vitest';

import { accepts } from '../../../src/ann/filter/accepts.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import type { JsonValue } from '../../../src/contract/api/json-value.ts';

/** The ids of the vectors that a filter accepts. */
const accepted = (written: object, vectors: Record<string, JsonValue>): string =>
  Object.entries(vectors)
    .filter(([id, metadata]) => accepts(filter.parse(written), metadata, id))
    .map(([id]) => id)
    .join('');

const CITIES = {
  1: { city: 'London', color: 'green' },
  2: { city: 'London', color: 'red' },
  3: { city: 'London', color: 'blue' },
  4: { city: 'Berlin', color: 'red' },
  5: { city: 'Moscow', color: 'green' },
  6: { city: 'Moscow', color: 'blue' },
};

const DINOSAURS: Record<string, JsonValue> = {
  1: {
    dinosaur: 't-rex',
    diet: [
      { food: 'leaves', likes: false },
      { food: 'meat', likes: true },
    ],
  },
  2: {
    dinosaur: 'diplodocus',
    diet: [
      { food: 'leaves', likes: true },
      { food: 'meat', likes: false },
    ],
  },
};

describe('filters that vector databases document', () => {
  it.each([
    ['all conditions', { city: 'London', color: 'red' }, '2'],
    ['any condition', { $or: [{ city: 'London' }, { color: 'red' }] }, '1234'],
    ['no condition', { $not: { $or: [{ city: 'London' }, { color: 'red' }] } }, '56'],
    ['not all conditions', { $not: { city: 'London', color: 'red' } }, '13456'],
    ['one of the values', { color: { $in: ['red', 'blue'] } }, '2346'],
    ['none of the values', { color: { $nin: ['red', 'blue'] } }, '15'],
    ['a condition and a negated one', { city: 'London', $not: { color: 'red' } }, '13'],
  ])('[V60][V70] %s', (_, written, ids) => {
    expect(accepted(written, CITIES)).toBe(ids);
  });

  it.each([
    [0, '123456'],
    [1, '12456'],
    [2, '25'],
    [3, ''],
    [4, ''],
  ])('[V140] at least %i conditions', (count, ids) => {
    const of = [{ city: 'Moscow' }, { color: 'red' }, { color: 'green' }, { $id: '2' }];
    expect(accepted({ $atLeast: { count, of } }, CITIES)).toBe(ids);
  });

  const SHAPES: Record<string, JsonValue> = {
    a: {},
    b: { p: null },
    c: { p: [] },
    d: { p: [null] },
    e: { p: 'x' },
    f: { p: ['x', 'y'] },
    g: { p: {} },
    h: { p: [['x', 'y'], []] },
    i: { p: [[]] },
  };

  it.each([
    ['empty: absent, null or []', { p: { $empty: true } }, 'abc'],
    ['not empty', { p: { $empty: false } }, 'defghi'],
    ['null, also in an array', { p: null }, 'bd'],
    ['not null', { p: { $ne: null } }, 'acefghi'],
    ['there', { p: { $exists: true } }, 'bcdefghi'],
    ['no value', { p: { $size: 0 } }, 'abc'],
    ['a single value counts as one', { p: { $size: 1 } }, 'degi'],
    ['more than one', { p: { $size: { $gt: 1 } } }, 'fh'],
    ['one or two', { p: { $size: { $gte: 1, $lte: 2 } } }, 'defghi'],
    ['less than two', { p: { $size: { $lt: 2 } } }, 'abcdegi'],
  ])('[V141][V142] %s', (_, written, ids) => {
    expect(accepted(written, SHAPES)).toBe(ids);
  });

  it('[V142] counts at each end of a path separately', () => {
    const vectors = { a: { p: [{ q: [1] }, { q: [1, 2] }] }, b: { p: [{ q: [1, 2, 3] }, {}] } };
    expect([1, 2, 3, 0].map((size) => accepted({ 'p.q': { $size: size } }, vectors))).toEqual(['a', 'a', 'b', '']);
  });

  it.each([
    ['conditions of a path may be met by different elements', { 'diet.food': 'meat', 'diet.likes': true }, '12'],
    ['conditions of an element are met by one', { diet: { $elemMatch: { food: 'meat', likes: true } } }, '1'],
    ['with other conditions', { diet: { $elemMatch: { food: 'meat', likes: true } }, $id: { $ne: '1' } }, ''],
    ['negation within an element', { diet: { $elemMatch: { food: 'meat', $not: { likes: true } } } }, '2'],
    ['negation of elements', { $not: { diet: { $elemMatch: { food: 'meat', likes: true } } } }, '2'],
  ])('[V143] %s', (_, written, ids) => {
    expect(accepted(written, DINOSAURS)).toBe(ids);
  });

  it.each([
    ['one value is none of the given ones', { p: { $elemMatch: { $nin: ['x', null] } } }, 'fgh'],
    ['no value is one of the given ones', { p: { $nin: ['x', null] } }, 'acgi'],
    ['one value is in the range and not the given one', { q: { $elemMatch: { $gt: 1, $lt: 9, $ne: 5 } } }, 'l'],
  ])('[V143] %s', (_, written, ids) => {
    expect(accepted(written, { ...SHAPES, k: { p: 'x', q: [1, 5, 9] }, l: { p: 'x', q: [0, 3] } })).toBe(ids);
  });

  it('[V145] filters ids, which are not in the metadata', () => {
    expect(accepted({ $id: { $in: ['1', '3', '9'] } }, CITIES)).toBe('13');
    expect(accepted({ $id: '3', city: 'London' }, CITIES)).toBe('3');
    expect(accepted({ id: '1' }, CITIES)).toBe('');
  });
});

describe('areas', () => {
  const PLACES: Record<string, JsonValue> = {
    b: { at: { lat: 52.520711, lon: 13.403683 } },
    c: {
      at: [
        { lat: 52.520711, lon: 13.403683 },
        { lat: 55.76, lon: 37.61 },
      ],
    },
    f: { at: { lat: -17.7134, lon: 178.065 } },
    s: { at: { lat: -13.759, lon: -172.1046 } },
    x: { at: { lat: '52.52', lon: 13.4 } },
    y: { at: [52.52, 13.4] },
    z: { at: { lat: 97, lon: 13.4 } },
  };
  const within = (area: object): string => accepted({ at: { $geoWithin: area } }, PLACES);

  it.each([
    ['a box', { top_left: { lon: 13.403683, lat: 52.520711 }, bottom_right: { lon: 13.455868, lat: 52.495862 } }, 'bc'],
    ['a box across the antimeridian', { top_left: { lat: 0, lon: 170 }, bottom_right: { lat: -20, lon: -170 } }, 'fs'],
    ['the box of the remaining longitudes', { top_left: { lat: 0, lon: -170 }, bottom_right: { lat: -20, lon: 170 } }, ''],
    ['a circle', { center: { lat: 52.520711, lon: 13.403683 }, radius_m: 1000 }, 'bc'],
    // Berlin to Moscow, where c is as well: 1,608 km.
    ['a circle that reaches another city', { center: { lat: 55.76, lon: 37.61 }, radius_m: 1_615_000 }, 'bc'],
    ['a circle that nearly does', { center: { lat: 55.76, lon: 37.61 }, radius_m: 1_600_000 }, 'c'],
    ['a circle across the antimeridian', { center: { lat: -15, lon: 180 }, radius_m: 1_000_000 }, 'fs'],
    [
      'a polygon',
      {
        polygon: [
          { lat: 50, lon: 10 },
          { lat: 55, lon: 10 },
          { lat: 52, lon: 20 },
        ],
      },
      'bc',
    ],
    [
      'a polygon with a hole',
      {
        polygon: [
          { lat: 50, lon: 10 },
          { lat: 55, lon: 10 },
          { lat: 52, lon: 20 },
        ],
        holes: [
          [
            { lat: 52, lon: 13 },
            { lat: 53, lon: 13 },
            { lat: 52.5, lon: 14 },
          ],
        ],
      },
      '',
    ],
  ])('[V144] %s', (_, area, ids) => {
    expect(within(area)).toBe(ids);
  });
});
