import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { shardCapacity } from '../../../src/ann/engine/memtable.ts';
import { BLOCK_ENTRIES, blockLayout } from '../../../src/ann/lists/block-layout.ts';
import type { ListModel } from '../../../src/ann/lists/list-model.ts';
import { subspaceDimensionsFor } from '../../../src/ann/training/training-state.ts';

const MIB = 1024 * 1024;
const SPEC = readFileSync(new URL('../../../src/ann/SPEC.md', import.meta.url), 'utf8');

/** The numbers in each row of the table of capacities. */
const rows = SPEC.slice(SPEC.indexOf('## Capacity'))
  .split('\n## ')[0]!
  .split('\n')
  .filter((line) => /^\| +[0-9]/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => Number(cell.replaceAll(',', ''))),
  );

/** The bytes of an entry in a full block. */
function entryBytes(metric: ListModel['metric'], dimensions: number, hasLowPlane: boolean): number {
  const model = { metric, dimensions, subspaceDimensions: subspaceDimensionsFor(dimensions), hasLowPlane };
  const { blockBytes, recordBytes } = blockLayout(model as ListModel);
  return blockBytes / BLOCK_ENTRIES + recordBytes + (hasLowPlane ? dimensions : 0);
}

it('[V163] the table of capacities agrees with the code', () => {
  expect(rows.length).toBeGreaterThan(10);
  for (const [dimensions = 0, ...stated] of rows) {
    const count = shardCapacity({ dimensions });
    const [low, high] = [entryBytes('cosine', dimensions, false), entryBytes('cosine', dimensions, true)];
    const rounded = [low, high].map((bytes) => Number(bytes.toFixed(1)));
    expect([dimensions, ...stated]).toEqual([
      dimensions,
      count,
      ...rounded,
      ...[low, high].map((bytes) => Math.round((count * bytes) / MIB)),
    ]);
    expect(entryBytes('l2', dimensions, false) - low).toBe(5);
  }
});
