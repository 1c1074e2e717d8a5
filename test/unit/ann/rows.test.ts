import { describe, expect, it } from 'vitest';

import { idHash, rowsAt } from '../../../src/ann/rows.ts';

describe('the hash of an id', () => {
  it('[RT40] stays what it was: stored rows and receipts belong to locators by it', () => {
    const hashes = [idHash('', 'a'), idHash('', '1'), idHash('tenant', 'a'), idHash('größe', '日本'), idHash('', 'x'.repeat(64))];
    expect(hashes).toEqual([2_507_021_586, 1_790_654_188, 1_393_619_144, 2_628_229_863, 1_969_377_265]);
  });
});

describe('rows at some positions', () => {
  it('[RT40] keep every column together, in the order asked for', () => {
    const rows = {
      ids: ['a', 'b', 'c'],
      namespaces: ['', 'n', ''],
      values: Float32Array.of(1, 2, 3, 4, 5, 6),
      metadata: [null, '{"x":1}', '{"y":2}'],
      texts: ['one', null, 'three'],
    };
    expect(rowsAt(rows, [2, 0])).toEqual({
      ids: ['c', 'a'],
      namespaces: ['', ''],
      values: Float32Array.of(5, 6, 1, 2),
      metadata: ['{"y":2}', null],
      texts: ['three', 'one'],
    });
    expect(rowsAt(rows, [])).toEqual({ ids: [], namespaces: [], values: new Float32Array(), metadata: [], texts: [] });
  });
});
