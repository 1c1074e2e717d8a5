import { expect, it } from 'vitest';

import { Rescoring } from '../../../src/ann/rescoring.ts';
import type { Row } from '../../../src/ann/stored-vector.ts';

/** A rescoring among vectors of one component, by row; the query is 1, so a product is the component and a distance is how far it lies from 1. */
function rescoringOf(metric: 'dot' | 'l2', topK: number, components: Readonly<Record<Row, number>>) {
  const read: Row[] = [];
  const rescoring = new Rescoring(metric, { values: Float32Array.of(1), topK }, (rows) => {
    read.push(...rows);
    return rows.map((row) => ({ row, id: `id ${row}`, values: Float32Array.of(components[row]!) }));
  });
  return { rescoring, read };
}

it('[V5] of candidates with bounds, only those are read that reach the best so far', () => {
  const { rescoring, read } = rescoringOf('dot', 2, { 10: 5, 11: 4, 12: 1, 20: 4.5, 21: 4, 22: 3 });
  // Candidates of lists have no bounds.
  rescoring.push([10, 11, 12].map((row) => ({ row, closest: Infinity })));
  rescoring.push([
    { row: 20, closest: 6 },
    { row: 21, closest: 4 },
    { row: 22, closest: 3.9 },
  ]);
  expect(read).toEqual([10, 11, 12, 20, 21]);
  expect(rescoring.rowCount).toBe(5);
  expect(rescoring.matches().map(({ row }) => row)).toEqual([10, 20]);
});

it('[V3] of candidates that could only tie, the one whose id comes first is found', () => {
  const { rescoring } = rescoringOf('dot', 1, { 20: 4, 3: 4, 10: 4 });
  rescoring.push([{ row: 20, closest: Infinity }]);
  rescoring.push([{ row: 10, closest: 4 }]);
  expect(rescoring.matches().map(({ id }) => id)).toEqual(['id 10']);
});

it('[V5] by distance, too, bounds are of closeness: minus the least distance', () => {
  const { rescoring, read } = rescoringOf('l2', 1, { 1: 3, 2: 2, 3: 9 });
  rescoring.push([{ row: 1, closest: Infinity }]);
  rescoring.push([
    { row: 2, closest: -0.5 },
    { row: 3, closest: -2.1 },
  ]);
  expect(read).toEqual([1, 2]);
  expect(rescoring.matches().map(({ row }) => row)).toEqual([2]);
});
