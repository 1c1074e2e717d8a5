import { expect } from 'vitest';

import { slotsOf } from '../../../src/index/routing/route-table.ts';
import { holdsSlot, slotOf } from '../../../src/index/routing/slot-range.ts';
import type { GrowthWorld } from './growth-world.ts';

/** The rows of each shard and the locators' entries, read while nothing is moving. */
function census(world: GrowthWorld) {
  const shards = (world.table?.shards ?? []).map((shard) => {
    const sql = world.sqlOf(`shard:${shard.ordinal}`)!.sql;
    const rows = sql.exec<{ name: string; id: string; version: number }>(
      'SELECT name, id, version FROM vectors JOIN namespaces ON ordinal = vectors.namespace',
    );
    const departing = sql.exec('SELECT * FROM departing').toArray().length;
    return { shard, rows: rows.toArray(), departing };
  });
  const places = new Map<string, { version: number; shards: string; pending: number }>();
  for (let locator = 0; locator < (world.table?.locators ?? 0); locator += 1) {
    const sql = world.sqlOf(`locator:${locator}`)!.sql;
    for (const { namespace, id, ...place } of sql.exec<{ namespace: string; id: string; version: number; shards: string; pending: number }>(
      'SELECT * FROM entries',
    )) {
      places.set(`${namespace}\0${id}`, place);
    }
  }
  return { shards, places };
}

/** Expects every row in a shard that its id location lists, in the newest version, and no location without a row. */
export function expectTidy(world: GrowthWorld): void {
  const { shards, places } = census(world);
  const found = new Map<string, number[]>();
  for (const { shard, rows, departing } of shards) {
    const { ordinal, state } = shard;
    expect([state.kind, departing]).toEqual(['serving', 0]);
    for (const { name, id, version } of rows) {
      const key = `${name}\0${id}`;
      expect(places.get(key)?.version, `${id} at ${ordinal}`).toBe(version);
      expect(holdsSlot(slotsOf(shard), slotOf(name, id)), `${id} at ${ordinal}`).toBe(true);
      found.set(key, [...(found.get(key) ?? []), ordinal]);
    }
  }
  for (const [key, place] of places) {
    expect(place.pending).toBe(0);
    expect(
      place.shards
        .split(',')
        .map(Number)
        .sort((a, b) => a - b),
      key,
    ).toEqual(found.get(key));
  }
}
