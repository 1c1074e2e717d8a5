import { expect, it } from 'vitest';

import { encodeCentroids } from '../../../src/index/routing/centroids.ts';
import { neighboursOf } from '../../../src/index/routing/shard-neighbours.ts';
import { changed, withDrainEnded, withLocators } from '../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../src/index/routing/route-table.ts';
import { slotsOf } from '../../../src/index/routing/route-table.ts';
import { ALL_SLOTS, holdsSlot, isDivisible } from '../../../src/index/routing/slot-range.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const DIMENSIONS = 3;
const CHANGES = 60;
const FEWEST = 6;

/** Every id has a shard, whatever its vector. */
function expectComplete({ shards }: RouteTable): void {
  const owners = shards.filter(({ centroids }) => centroids.scales.length > 0).map(slotsOf);
  for (const slot of [0, ...owners.flatMap(({ to }) => (to < ALL_SLOTS.to ? [to] : []))]) {
    expect(
      owners.some((slots) => holdsSlot(slots, slot)),
      `slot ${slot}`,
    ).toBe(true);
  }
}

it.each(seeds(50))('[RT16, RT18] after any splits and merges every id has a shard, and all merge into one (seed %i)', (seed) => {
  const random = new Seeded(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;
  const point = () =>
    encodeCentroids(
      Float32Array.from({ length: DIMENSIONS }, () => random.next()),
      DIMENSIONS,
    );
  let table = withLocators({ version: 0, metric: 'l2', dimensions: DIMENSIONS, shards: [], highest: 0, locators: 8, margin: 1.1 });
  let merges = 0;
  const merge = (): boolean => {
    const { ordinal } = pick(table.shards);
    const into = neighboursOf(table, ordinal);
    if (into.length === 0) return false;
    table = changed(table, { kind: 'merge', ordinal, into });
    expectComplete(table);
    table = withDrainEnded(table, ordinal);
    merges += 1;
    return true;
  };
  for (let i = 0; i < CHANGES; i += 1) {
    const kind = random.next();
    const shard = pick(table.shards);
    if (kind < 0.3 && table.shards.length > FEWEST) merge();
    else {
      const share = kind < 0.65 && isDivisible(slotsOf(shard));
      const { ordinal } = shard;
      table = changed(table, share ? { kind: 'share', ordinal } : { kind: 'split', ordinal, halves: [point(), point()], margin: 1.1 });
      expectComplete(table);
      table = withDrainEnded(table, ordinal);
    }
    expectComplete(table);
  }
  expect([merges > 5, table.shards.length >= FEWEST]).toEqual([true, true]);
  while (table.shards.length > 1) expect(merge(), `of ${table.shards.length} shards one is given up`).toBe(true);
  expect(table.shards.map(slotsOf)).toEqual([ALL_SLOTS]);
});
