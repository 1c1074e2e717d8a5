import { measuredClosure } from '../../../src/ann/routing/measured-closure.ts';
import { ownVectors } from '../../../src/ann/routing/own-vectors.ts';
import { placesOf } from '../../../src/ann/routing/places-of.ts';
import { changed, withDrainEnded, withLocators } from '../../../src/ann/routing/route-changes.ts';
import type { RouteTable } from '../../../src/ann/routing/route-table.ts';
import { Router } from '../../../src/ann/routing/router.ts';
import { sampleSize } from '../../../src/ann/routing/shard-splitter.ts';
import { splitRegion } from '../../../src/ann/routing/split-region.ts';
import { tableAround } from '../../../src/ann/routing/table-around.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';

/** Which shards hold each vector, its nearest first, after an index has grown to some number of shards. */
export interface GrownRoutes {
  readonly table: RouteTable;
  /** By vector. */
  readonly places: readonly (readonly number[])[];
}

/** Splits an index that holds a set, the largest shard first, as its shards would: each moves what is no longer its own, or copies it. */
export function grow({ metric, base }: VectorSet, shardCount: number, withCopies: boolean): GrownRoutes {
  const { dimensions, count } = base;
  const random = new Seeded(1);
  const empty: RouteTable = { version: 0, metric, dimensions, shards: [], highest: 0, locators: 8, closure: 1.05 };
  let table = withLocators(empty);
  const places: number[][] = Array.from({ length: count }, () => [0]);
  const rows = new Map([[0, Array.from({ length: count }, (_, row) => row)]]);
  while (table.shards.length < shardCount) {
    const [source, members] = [...rows].reduce((largest, entry) => (entry[1].length > largest[1].length ? entry : largest));
    const values = new Float32Array(Math.min(sampleSize(dimensions), members.length) * dimensions);
    for (let at = 0; at < values.length; at += dimensions) {
      values.set(vectorAt(base, must(members[Math.floor(random.next() * members.length)], 'a place in the members')), at);
    }
    const around = tableAround(table, source);
    const own = run(ownVectors(around, source, values));
    const halves = must(run(splitRegion(table, own, values, table.version)), 'word vectors differ');
    const closure = withCopies ? measuredClosure(around, source, halves, own) : 0;
    table = changed(table, { kind: 'split', ordinal: source, halves, closure });
    if (!withCopies) table = { ...table, closure: 0 };
    const target = table.highest;
    const pair = new Router({ ...table, shards: table.shards.filter(({ ordinal }) => ordinal === source || ordinal === target) });
    const [kept, given]: [number[], number[]] = [[], []];
    for (const row of members) {
      const wanted = placesOf(pair.rankForPlacing(vectorAt(base, row), 0), table.closure);
      const others = must(places[row], 'every vector has places').filter((shard) => shard !== source && shard !== target);
      // As the locator decides: a second copy only where there is none, and a move wherever the other is nearer.
      const isCopy = wanted.length === 2 && others.length === 0;
      const stays = isCopy || wanted[0] === source;
      const goes = isCopy || wanted[0] === target;
      places[row] = [
        ...(wanted[0] === target ? [target] : []),
        ...(stays ? [source] : []),
        ...(isCopy && wanted[0] === source ? [target] : []),
        ...others,
      ];
      if (stays) kept.push(row);
      if (goes) given.push(row);
    }
    rows.set(source, kept);
    rows.set(target, given);
    table = withDrainEnded(table, source);
  }
  return { table, places };
}

function run<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
