import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { PAGE_BYTES } from '../../../src/ann/page-memory.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { expectNothingLeaked } from '../../support/worlds/shard-world.ts';
import { VectorFieldsWorld, vectorField } from '../../support/worlds/vector-fields-world.ts';

const DIMENSIONS = 700;
/** Few numbers and few of them different, so that scores tie, over so many dimensions that a block holds some dozen vectors. */
/** Room for the longest tail, of 2 MiB, and for some blocks. */
const MEMORY_BYTES = 40 * PAGE_BYTES;
const numbers = fc.array(fc.constantFrom(-1, 0, 0.5, 2), { minLength: 3, maxLength: 3 });
const vectorOf = (repeated: readonly number[]) => Float32Array.from({ length: DIMENSIONS }, (_, i) => repeated[i % 3] ?? 0);
const namespace = fc.constantFrom('', 'en');
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      namespace,
      first: fc.nat(300),
      count: fc.integer({ min: 1, max: 300 }),
      vectors: fc.array(numbers, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), namespace, first: fc.nat(300), count: fc.nat(300) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('sweep' as const, 'slice' as const, 'restart' as const, 'evict' as const, 'crowd' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('clear' as const, 'drop' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('failing put' as const, 'failing sweep' as const), writes: fc.nat(30) }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** Storage that takes so many writes more, as long as something is done. */
function failing(world: VectorFieldsWorld, writes: number, work: () => void): void {
  const { sql } = world.shard;
  sql.writesLeft = writes;
  try {
    work();
  } catch (defect) {
    expect(defect).toEqual(new Error('disk full'));
  } finally {
    sql.writesLeft = Infinity;
  }
}

function take(world: VectorFieldsWorld, one: Step): void {
  const metric = (world.fields['image'] as { metric: (typeof METRICS)[number] }).metric;
  switch (one.kind) {
    case 'put': {
      const ids = Array.from({ length: one.count }, (_, i) => `v${one.first + i}`);
      // One of four has no such vector.
      const vectors = ids.map((id, i) => [id, i % 4 === 3 ? {} : { image: vectorOf(one.vectors[i % one.vectors.length] ?? []) }]);
      return world.put(Object.fromEntries(vectors) as Record<string, Record<string, Float32Array>>, one.namespace);
    }
    case 'remove':
      return world.remove(
        world.ids(one.namespace).filter((_, i) => i >= one.first && i < one.first + one.count),
        one.namespace,
      );
    case 'sweep':
      return world.sweep();
    case 'slice':
      return void world.shard.store.fields?.sweep();
    case 'restart':
      return world.shard.restart();
    case 'evict':
      return world.shard.store.fields?.evict();
    case 'crowd':
      // As another shard of the isolate, which leaves room for a few blocks.
      return world.floor.memory.claim('another', { evict: () => Infinity }, MEMORY_BYTES - 4 * PAGE_BYTES);
    case 'failing put':
      return failing(world, one.writes, () => world.put({ v1: { image: vectorOf([2, -1, 0.5]) }, undone: { image: vectorOf([2]) } }));
    case 'failing sweep':
      return failing(world, one.writes, () => world.sweep());
    case 'clear':
      return world.clear();
    case 'drop':
      // Its rows are built again.
      world.define({});
      world.define({ image: vectorField(DIMENSIONS, metric) });
      return world.sweep();
  }
}

it('[TX160] [TX161] [TX169] vectors of a field are found exactly as a scan of all rows finds them', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...METRICS),
      fc.array(step, { maxLength: 25 }),
      numbers,
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(400), { maxLength: 12 }),
      (metric, steps, query, topK, filtered) => {
        const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS, metric) }, MEMORY_BYTES);
        const ids = filtered.map((id) => `v${id}`);
        for (const one of steps) {
          take(world, one);
          for (const name of ['', 'en']) {
            const asked = { field: 'image', vector: vectorOf(query), topK, namespace: name };
            for (const each of [asked, { ...asked, ids }]) expect(world.search(each)).toMatchObject(world.expected(each));
          }
        }
        world.shard.store.fields?.evict();
        world.shard.engine.drop();
        expectNothingLeaked(world.floor);
      },
    ),
  );
});
