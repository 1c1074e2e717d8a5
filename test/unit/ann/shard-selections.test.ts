import { describe, expect, it } from 'vitest';

import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { PropertyIndex } from '../../../src/ann/filter/select-rows.ts';
import { ShardSelections } from '../../../src/ann/filter/shard-selections.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';

const NAMESPACE = 1;
const LIST_ROWS = 50_000;

interface Rows {
  /** Of each range of the index. */
  readonly entries?: number;
  /** Vectors of which the index does not hold all, and their metadata. */
  readonly incomplete?: number;
  readonly metadata?: string;
}

const indexOf = ({ entries = 0, incomplete = 0, metadata = '{}' }: Rows): PropertyIndex => ({
  *rowsIn(_namespace, _range, countMax = entries) {
    const count = Math.min(entries, countMax);
    for (let start = 0; start < count; start += LIST_ROWS)
      yield Array.from({ length: Math.min(LIST_ROWS, count - start) }, (_, i) => start + i + 1);
  },
  keysIn: () => [],
  rowsOf: () => [],
  read: (rows) => rows.map((row) => ({ row, id: `v${row}`, metadata })),
  *incomplete() {
    for (let row = 1; row <= incomplete; row += 1) yield { row, id: `v${row}`, metadata };
  },
});

function world(rows: Rows) {
  const selections = new ShardSelections('shard', indexOf(rows), new SelectionCache(1_000_000));
  const steps: number[] = [];
  const turn = async (units: number) => void steps.push(units);
  return { selections, steps, turn };
}

const either = (conditions: number) => filter.parse({ $or: Array.from({ length: conditions }, (_, at) => ({ [`p${at}`]: { $gte: 0 } })) });
const wide = either(15);
const crowd = JSON.stringify(Object.fromEntries(Array.from({ length: 80 }, (_, at) => [`p${at}`, at])));

describe('what the filters of a shard select', () => {
  it.each([
    ['entries of the index', { entries: 60_000 }],
    ['vectors of more properties than are indexed', { incomplete: 20_000, metadata: crowd }],
    ['long metadata', { incomplete: 1_000, metadata: JSON.stringify({ text: 'x'.repeat(30_000), p0: 1 }) }],
  ])('[V211] is read in steps of bounded length if it is too much at once: %s', async (_, rows) => {
    const { selections, steps, turn } = world(rows);
    expect(selections.select({ namespace: NAMESPACE, filter: wide }, 7)).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', limit: { name: 'filterUnitsAtOnceMax' } },
    });
    const noted = selections.takeWide();
    expect(noted).toEqual({ namespace: NAMESPACE, filter: wide });
    expect(selections.takeWide()).toBeUndefined();
    await selections.selectInSteps(noted!, () => 7, turn);
    expect(steps.length).toBeGreaterThan(3);
    for (const step of steps) expect(step).toBeLessThanOrEqual(INDEX_LIMITS.filterStepUnitsMax + LIST_ROWS);
    const found = selections.select({ namespace: NAMESPACE, filter: wide }, 7);
    expect(found.ok && found.value.has(1)).toBe(true);
    expect(selections.takeWide()).toBeUndefined();
  });

  it('[V211] is forgotten if the shard was written meanwhile', async () => {
    const { selections, turn } = world({ entries: 60_000 });
    let lsn = 7;
    await selections.selectInSteps({ namespace: NAMESPACE, filter: wide }, () => (lsn += 1), turn);
    for (const at of [8, 9, 7, 10]) expect(selections.select({ namespace: NAMESPACE, filter: wide }, at).ok).toBe(false);
  });

  it('[V211] is refused for good, once, if it reads more than a filter may', async () => {
    const { selections, steps, turn } = world({ incomplete: 200_000, metadata: crowd });
    await selections.selectInSteps({ namespace: NAMESPACE, filter: wide }, () => 7, turn);
    expect(steps.reduce((sum, units) => sum + units, 0)).toBeLessThanOrEqual(INDEX_LIMITS.filterUnitsMax);
    expect(selections.select({ namespace: NAMESPACE, filter: wide }, 7)).toMatchObject({
      ok: false,
      error: { limit: { name: 'filterUnitsMax' } },
    });
    expect(selections.takeWide()).toBeUndefined();
  });

  it('[V211] is answered at once if it is little', () => {
    const { selections } = world({ entries: 1_000, incomplete: 10, metadata: crowd });
    expect(selections.select({ namespace: NAMESPACE, filter: either(5) }, 7).ok).toBe(true);
  });
});
