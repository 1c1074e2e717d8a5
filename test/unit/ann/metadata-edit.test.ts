import { describe, expect, it } from 'vitest';

import { editMetadata } from '../../../src/ann/metadata-edit.ts';
import type { MetadataEdit, PathStep } from '../../../src/ann/metadata-edit.ts';

const edited = (metadata: unknown, edit: MetadataEdit): string => JSON.stringify(editMetadata(JSON.stringify(metadata), edit));
const set = (fields: unknown, ...at: PathStep[]): MetadataEdit => ({ kind: 'set', at, fields: JSON.stringify(fields) });
const unset = (...paths: PathStep[][]): MetadataEdit => ({ kind: 'unset', paths });

describe('[Q62] an edit of metadata', () => {
  it('sets members and keeps the others, at the top level or deeper', () => {
    expect(edited({ a: 1, b: 2 }, set({ b: { c: 3 }, d: null }))).toBe('{"a":1,"b":{"c":3},"d":null}');
    expect(edited({ a: { b: { c: 1 } } }, set({ d: 2 }, 'a', 'b'))).toBe('{"a":{"b":{"c":1,"d":2}}}');
    expect(edited({ a: 1 }, set({ d: 2 }, 'a', 'b'))).toBe('{"a":{"b":{"d":2}}}');
    expect(edited(null, set({ d: 2 }, 'x'))).toBe('{"x":{"d":2}}');
  });

  it('changes one or all items of an array, but creates no arrays', () => {
    const metadata = { list: [{ n: 1 }, { n: 2 }] };
    expect(edited(metadata, set({ m: 0 }, 'list', 1))).toBe('{"list":[{"n":1},{"n":2,"m":0}]}');
    expect(edited(metadata, set({ m: 0 }, 'list', null))).toBe('{"list":[{"n":1,"m":0},{"n":2,"m":0}]}');
    expect(edited(metadata, set({ m: 0 }, 'list', 2))).toBe(JSON.stringify(metadata));
    expect(edited({ list: 5 }, set({ m: 0 }, 'list', null))).toBe('{"list":5}');
  });

  it('[Q83] writes nothing where a path leads through an array that is not there', () => {
    for (const at of [
      ['x', null],
      ['x', 0],
      ['x', null, 'y'],
      ['a', 'x', null],
      ['n', 'x', null],
      ['x', 'y', null],
    ] as PathStep[][])
      expect(edited({ a: { b: 1 }, n: 5 }, set({ m: 0 }, ...at))).toBe('{"a":{"b":1},"n":5}');
    expect(editMetadata(null, set({ m: 0 }, 'x', null))).toBe(null);
    expect(edited({ x: [] }, set({ m: 0 }, 'x', null))).toBe('{"x":[]}');
  });

  it('removes members and items, and ignores missing ones', () => {
    expect(edited({ a: 1, b: { c: 1, d: 2 } }, unset(['a'], ['b', 'd'], ['x', 'y'], ['b', 'c', 'z']))).toBe('{"b":{"c":1}}');
    expect(edited({ l: [{ a: 1, b: 2 }, { a: 3 }] }, unset(['l', null, 'a']))).toBe('{"l":[{"b":2},{}]}');
    expect(edited({ l: [1, 2, 3] }, unset(['l', 1]))).toBe('{"l":[1,3]}');
    expect(edited({ l: [1, 2, 3] }, unset(['l', null]))).toBe('{"l":[]}');
    expect(editMetadata(null, unset(['a']))).toBe(null);
  });

  it('replaces all of it, or removes it', () => {
    expect(edited({ a: 1 }, { kind: 'replace', metadata: '{"b":2}' })).toBe('{"b":2}');
    expect(editMetadata('{"a":1}', { kind: 'replace', metadata: null })).toBe(null);
  });

  it('keeps all digits of integers, and a member named __proto__', () => {
    const before = '{"id":18446744073709551615,"neg":-9223372036854775808,"list":[12345678901234567890 ]}';
    const after = '{"id":18446744073709551615,"neg":-9223372036854775808,"list":[12345678901234567890],"a":1}';
    expect(JSON.stringify(editMetadata(before, set({ a: 1 })))).toBe(after);
    expect(JSON.stringify(editMetadata('{"__proto__":{"x":1}}', set({ y: 2 }, '__proto__')))).toBe('{"__proto__":{"x":1,"y":2}}');
    expect(JSON.stringify(editMetadata('{"n":12345678901234567891}', set({ y: 2 }, 'n')))).toBe('{"n":{"y":2}}');
  });
});
