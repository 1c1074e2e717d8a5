import type { ListingStart } from '../../src/ann/id-order.ts';
import { isNumber } from '../../src/ann/id-order.ts';
import type { PlacedId } from '../../src/ann/vector-store.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';

/** Ids that are whole numbers without leading zeros. A query with this exact condition is answered from their own index. */
const IS_NUMBER = `id NOT GLOB '*[^0-9]*' AND (id = '0' OR id NOT GLOB '0*')`;

/** Of numbers without leading zeros the longer is the greater; other ids are ordered by the index that keeps them unique. */
export const NUMBER_INDEX = `CREATE INDEX vectors_by_number ON vectors (namespace, length(id), id) WHERE ${IS_NUMBER};`;

type Seek = (query: string, ...bindings: (string | number)[]) => PlacedId[];

/** The first `countMax` ids of the namespace, in the order of `compareIds`, that a listing from there comes to. */
export function idsFrom({ sql }: SqlStorage, namespace: number, start: ListingStart | null, countMax: number): PlacedId[] {
  const found: PlacedId[] = [];
  const { id, isIncluded } = start ?? { id: '', isIncluded: true };
  const than = isIncluded ? '>=' : '>';
  // Each is one range of one index, which SQLite finds without reading what lies before it.
  const seek: Seek = (condition, ...bindings) =>
    sql
      .exec<PlacedId>(
        `SELECT row, id FROM vectors WHERE namespace = ? AND ${condition} LIMIT ?`,
        namespace,
        ...bindings,
        countMax - found.length,
      )
      .toArray();
  if (start === null || isNumber(id)) {
    found.push(...seek(`${IS_NUMBER} AND length(id) = ? AND id ${than} ? ORDER BY id`, id.length, id));
    if (found.length < countMax) found.push(...seek(`${IS_NUMBER} AND length(id) > ? ORDER BY length(id), id`, id.length));
    if (found.length < countMax) found.push(...seek(`NOT (${IS_NUMBER}) ORDER BY id`));
  } else found.push(...seek(`NOT (${IS_NUMBER}) AND id ${than} ? ORDER BY id`, id));
  return found;
}
