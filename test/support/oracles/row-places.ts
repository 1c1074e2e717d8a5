import { SqliteRowVersions } from '../../../src/index/resharding/sqlite-row-versions.ts';
import { placesOf } from '../../../src/index/routing/places-of.ts';
import { Router } from '../../../src/index/routing/router.ts';
import { slotOf } from '../../../src/index/routing/slot-range.ts';
import type { GrowthWorld } from '../worlds/growth-world.ts';

/** The shards that have rows of an id, and the shards that would get it if it were written now. */
export interface RowPlaces {
  readonly actual: readonly number[];
  readonly wanted: readonly number[];
}

/** For each id of an index in which nothing is moving. */
export function rowPlaces(world: GrowthWorld): RowPlaces[] {
  const table = world.table!;
  const router = new Router(table);
  const { dimensions } = world.manifest;
  const found = new Map<string, { actual: number[]; wanted: number[] }>();
  for (const { ordinal } of table.shards) {
    const { ids, namespaces, values } = new SqliteRowVersions(world.sqlOf(`shard:${ordinal}`)!).wholeRows(0, 1_000_000, dimensions);
    for (const [i, id] of ids.entries()) {
      const key = `${namespaces[i]}\0${id}`;
      const placings = router.placings(values.subarray(i * dimensions, (i + 1) * dimensions), slotOf(namespaces[i]!, id));
      const wanted = placesOf(placings, table.margin).toSorted((a, b) => a - b);
      found.set(key, { wanted, actual: [...(found.get(key)?.actual ?? []), ordinal] });
    }
  }
  return [...found.values()];
}

/** Whether the two differ. */
export const isElsewhere = ({ actual, wanted }: RowPlaces): boolean => actual.join() !== wanted.join();
