import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { JsonItem } from '../../../src/kernel/json-splitter.ts';
import { JsonSplitter } from '../../../src/kernel/json-splitter.ts';
import { effort } from '../../support/fixtures/effort.ts';

const PATHS = [['points'], ['batch', 'vectors']] as const;
const LIMITS = { itemBytesMax: 10_000, restBytesMax: 10_000 };

/** The content of a JSON text, read in pieces of the given lengths; throws if it is not JSON. */
function read(text: string, cuts: readonly number[], limits = LIMITS) {
  const splitter = new JsonSplitter(PATHS, limits);
  const bytes = new TextEncoder().encode(text);
  const items: [array: number, item: unknown][] = [];
  let heldMost = 0;
  const take = ({ array, bytes: item }: JsonItem) => void items.push([array, JSON.parse(new TextDecoder().decode(item))]);
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const end = at + (cuts.length === 0 ? bytes.length : (cuts[piece % cuts.length] ?? 1));
    for (const item of splitter.push(bytes.slice(at, end))) take(item);
    heldMost = Math.max(heldMost, splitter.heldBytes);
    at = end;
  }
  if (splitter.exceeded !== undefined) return { exceeded: splitter.exceeded };
  const rest: unknown = JSON.parse(new TextDecoder().decode(splitter.end()));
  return { items, rest, heldMost };
}

/** The same content from the whole text, parsed at once. */
function expected(value: unknown) {
  const items: [number, unknown][] = [];
  const taken = (list: unknown, array: number): unknown => {
    if (!Array.isArray(list)) return list;
    for (const item of list) items.push([array, item]);
    return list.map(() => 0);
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { items, rest: value };
  const rest = Object.entries(value).map(([key, member]): [string, unknown] => {
    if (key === 'points') return [key, taken(member, 0)];
    if (key !== 'batch' || typeof member !== 'object' || member === null || Array.isArray(member)) return [key, member];
    return [key, Object.fromEntries(Object.entries(member).map(([name, inner]) => [name, name === 'vectors' ? taken(inner, 1) : inner]))];
  });
  return { items, rest: Object.fromEntries(rest) };
}

const key = fc.constantFrom('points', 'batch', 'vectors', 'a', 'po\\ints', '', '"', '漢');
const text = fc.oneof(fc.string(), fc.constantFrom('"', '\\', '\\"', '[', ']}', ',', 'é漢😀', ':'));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));
const document = fc.oneof(
  value,
  fc.record({
    points: fc.array(value, { maxLength: 5 }),
    batch: fc.record({ vectors: fc.array(value, { maxLength: 5 }), ids: value }),
    a: value,
  }),
);
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 });

describe('JSON in pieces', () => {
  it('[G13] has the same content as the whole text, however it is cut and indented', () => {
    let items = 0;
    fc.assert(
      fc.property(document, cuts, fc.constantFrom(undefined, 1, '\t'), (said, lengths, indent) => {
        const { heldMost: _, ...found } = read(JSON.stringify(said, null, indent), lengths) as { heldMost: number };
        const wanted = expected(JSON.parse(JSON.stringify(said)));
        expect(found).toEqual(wanted);
        items += wanted.items.length;
      }),
      { seed: 13, numRuns: effort(600) },
    );
    expect(items).toBeGreaterThan(500);
  });

  it('[G13] is refused if the whole text is not JSON', () => {
    let broken = 0;
    const damage = fc.record({ at: fc.nat(), by: fc.constantFrom('', ',', ']', '[', '{', '}', '"', ':', '\\', '0', ' ', 'x') });
    fc.assert(
      fc.property(document, damage, cuts, (said, { at, by }, lengths) => {
        const whole = JSON.stringify(said);
        const place = at % (whole.length + 1);
        const damaged = whole.slice(0, place) + by + whole.slice(place + (at % 2));
        const parses = (work: () => unknown): boolean => {
          try {
            work();
            return true;
          } catch {
            return false;
          }
        };
        const isJson = parses(() => JSON.parse(damaged));
        if (!isJson) broken += 1;
        expect(parses(() => read(damaged, lengths))).toBe(isJson);
      }),
      { seed: 14, numRuns: effort(1_500) },
    );
    expect(broken).toBeGreaterThan(300);
  });

  it('[G13] is held one element at a time', () => {
    const points = Array.from({ length: 1_000 }, (_, i) => ({ id: i, vector: Array.from({ length: 100 }, () => 0.5) }));
    const found = read(JSON.stringify({ points }), [1_000]);
    expect('items' in found && found.items?.length).toBe(1_000);
    expect('heldMost' in found && found.heldMost).toBeLessThan(3_000);
  });

  it('[G13] is refused at once if an element or the rest is too long', () => {
    const limits = { itemBytesMax: 12, restBytesMax: 40 };
    expect(read('{"points":["1234567890"]}', [3], limits)).toMatchObject({ items: [[0, '1234567890']] });
    expect(read('{"points":["12345678901"]}', [3], limits)).toEqual({ exceeded: 'itemBytesMax' });
    expect(read(`{"points":[1],"a":"${'x'.repeat(19)}"}`, [3], limits)).toMatchObject({ items: [[0, 1]] });
    expect(read(`{"points":[1],"a":"${'x'.repeat(20)}"}`, [3], limits)).toEqual({ exceeded: 'restBytesMax' });
  });
});
