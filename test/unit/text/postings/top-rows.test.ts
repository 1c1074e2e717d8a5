import { expect, it } from 'vitest';

import type { Row } from '../../../../src/text/postings/sparse-query.ts';
import { TopRows } from '../../../../src/text/postings/top-rows.ts';

/** Of equal rows, the highest numbers first. `asked`: how many rows each question for an order was about. */
function topOf(topK: number) {
  const asked: number[] = [];
  const orderTies = (tied: readonly Row[]) => {
    asked.push(tied.length);
    return tied.toSorted((a, b) => b - a);
  };
  return { asked, top: new TopRows({ topK, orderTies, judge: undefined }) };
}

it('[TX50] of very many equal rows the first are found by few questions for their order', () => {
  const { top, asked } = topOf(5);
  for (let row = 1; row <= 10_000; row += 1) top.offer(row, row % 1_000 === 0 ? 2 : 1);
  top.offer(10_001, 0.5);
  expect(top.toSorted().map(({ row }) => row)).toEqual([10_000, 9_000, 8_000, 7_000, 6_000]);
  expect(top.threshold).toBe(2);
  expect(asked.length).toBeLessThan(12);

  const many = topOf(3);
  for (let row = 1; row <= 10_000; row += 1) many.top.offer((row * 7) % 10_007, row === 5_000 ? 9 : 1);
  const all = Array.from({ length: 10_000 }, (_, i) => ((i + 1) * 7) % 10_007).toSorted((a, b) => b - a);
  const first = (5_000 * 7) % 10_007;
  expect(many.top.toSorted().map(({ row }) => row)).toEqual([first, ...all.filter((row) => row !== first)].slice(0, 3));
});

it('[TX50] a row that a better one displaces is still told apart from its equals', () => {
  const { top, asked } = topOf(2);
  for (const [row, score] of [
    [9, 1],
    [5, 1],
    [7, 1],
    [3, 4],
  ] as const)
    top.offer(row, score);
  expect(top.toSorted()).toEqual([
    { row: 3, score: 4 },
    { row: 9, score: 1 },
  ]);
  expect(asked).toEqual([3]);
});

it('[TX50] rows whose scores differ are never asked about', () => {
  const { top, asked } = topOf(3);
  for (let row = 1; row <= 9; row += 1) top.offer(row, 1 / row);
  expect(top.toSorted().map(({ row }) => row)).toEqual([1, 2, 3]);
  expect(asked).toEqual([]);
});
