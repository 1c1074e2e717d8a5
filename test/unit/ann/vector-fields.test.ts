import { describe, expect, it } from 'vitest';

import { shardCapacity } from '../../../src/ann/engine/memtable.ts';
import { containedVector } from '../../../src/ann/field-vectors/contained-vector.ts';
import { TAIL_SLICE_ROWS_MAX } from '../../../src/ann/field-vectors/field-tail.ts';
import { pageLayout } from '../../../src/ann/flat/scanner.ts';
import { shardBudget } from '../../../src/index/resharding/shard-budget.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { atOnce } from '../../../src/kernel/stepped-work.ts';
import { value } from '../../support/worlds/shard-world.ts';
import { VectorFieldsWorld, vectorField } from '../../support/worlds/vector-fields-world.ts';
import { whole } from '../../support/worlds/whole-read.ts';

const DIMENSIONS = 240;
const BLOCK = pageLayout(DIMENSIONS).capacity;
/** So many rows a sweep puts into blocks at once, and no fewer. */
const SLICE = TAIL_SLICE_ROWS_MAX;
const TEN_BLOCKS = 9 * SLICE;
const TEXT = { kind: 'text', analysis: analysisSettings.parse({}), weight: 1, source: 'text' } as const;

const rng = new Seeded(7);
const vector = (dimensions = DIMENSIONS): Float32Array<ArrayBuffer> => Float32Array.from({ length: dimensions }, () => rng.next() - 0.5);

const named = (first: number, count: number, of: () => Readonly<Record<string, Float32Array>> = () => ({ image: vector() })) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`v${String(first + i).padStart(5, '0')}`, of()]));

const asked = (more: object = {}) => ({ field: 'image', vector: vector(), topK: 10, ...more });

/** Of a search, which must be right: how many blocks it looked at, and how many of them it read from storage. */
function blocksOf(world: VectorFieldsWorld, more: object = {}) {
  const one = asked(more);
  const found = world.search(one);
  expect(found).toMatchObject(world.expected(one));
  return [found.explanation?.listsProbed, found.explanation?.listsPagedIn];
}

describe('vectors of a field', () => {
  it('[TX161] are found among those of blocks and of the tail, in both of two fields', () => {
    const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS), small: vectorField(3, 'l2') });
    const both = () => ({ image: vector(), small: vector(3) });
    world.put(named(0, SLICE, both));
    world.sweep();
    world.put(named(SLICE - 10, 30, both));
    world.remove(['v00001', 'v00260']);
    for (let i = 0; i < 2; i += 1) {
      expect(blocksOf(world)).toEqual([2, i === 0 ? 2 : 1]);
      expect(blocksOf(world, { field: 'small', vector: vector(3) })).toEqual([1, 1]);
    }
  });

  it('[TX161] are no vectors of spilled copies', () => {
    const world = new VectorFieldsWorld({ image: vectorField(2, 'dot') });
    const image = Float32Array.of(1, 0);
    world.put({ a: { image }, b: { image } }, '', { copies: [false, true], versions: [1, 1] });
    expect(world.search({ field: 'image', vector: image, topK: 5 }).ids).toEqual(['a']);
  });

  it('[TX161] are what a row has under the name of the field, whatever its texts look like', () => {
    const floats = { vector: 'AACAPwAAAEA=' };
    const lookalike = `"image":${JSON.stringify(floats)}`;
    const found = (contents: object, name = 'image') => containedVector({ contents: JSON.stringify(contents) }, name, 2);
    for (const text of [lookalike, `\\${lookalike}`, `x\\","image":{"vector":"`, `{${lookalike}}`]) {
      expect(found({ title: text, other: { ...floats, text } })).toBe(undefined);
      expect(found({ title: text, image: { ...floats, text } })).toEqual(Float32Array.of(1, 2));
    }
    expect(found({ 'my-image': floats })).toBe(undefined);
    for (const name of ['text', 'vector', 'codes'])
      expect(found({ a: { text: 'x' }, [name]: floats }, name)).toEqual(Float32Array.of(1, 2));
    expect(containedVector({ contents: null }, 'image', 2)).toBe(undefined);
  });

  it('[TX162] of few rows are looked for in their blocks alone', () => {
    const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS) });
    world.put(named(0, TEN_BLOCKS));
    world.sweep();
    expect(blocksOf(world, { ids: ['v00003', 'v00005'] })).toEqual([1, 1]);
    expect(blocksOf(world, { ids: ['v00003', `v${String(BLOCK).padStart(5, '0')}`, 'none'] })).toEqual([2, 1]);
    const [last, next] = world.ids().slice(BLOCK - 1);
    expect(blocksOf(world, { ids: [last] })).toEqual([1, 0]);
    expect(blocksOf(world, { ids: [last, next] })).toEqual([2, 0]);
    expect(blocksOf(world, { ids: world.ids().slice(0, 11) })[0]).toBe(10);
  });

  it('[TX163] are read from storage once, as far as there is room; what is evicted is read again', () => {
    const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS) }, 8 * 65_536);
    world.put(named(0, TEN_BLOCKS));
    world.sweep();
    expect(blocksOf(world)).toEqual([10, 10]);
    expect(blocksOf(world)).toEqual([10, 2]);
    const bytes = 8 * 65_536;
    expect([world.floor.memory.bytes, world.shard.store.fields?.bytes]).toEqual([bytes, bytes]);
    world.floor.memory.claim('another', { evict: () => Infinity }, 3 * 65_536);
    expect(world.floor.memory.bytes).toBe(bytes);
    expect(blocksOf(world)).toEqual([10, 5]);
    world.shard.store.fields?.evict();
    expect(world.shard.store.fields?.bytes).toBe(0);
    expect(blocksOf(world)).toEqual([10, 10]);
  });

  it('[TX166] are put into blocks by the write that leaves too many outside of them', () => {
    const dimensions = 8_000;
    const world = new VectorFieldsWorld({ image: vectorField(dimensions) }, 1 << 23);
    const image = vector(dimensions);
    const put = (first: number) => world.put(named(first, 150, () => ({ image })));
    put(0);
    const { capacity } = pageLayout(dimensions);
    const probed = () => world.search({ field: 'image', vector: image, topK: 1 }).explanation?.listsProbed;
    expect(probed()).toBe(0);
    put(150);
    expect(probed()).toBeGreaterThanOrEqual(40 / capacity);
    expect(probed()).toBeLessThan(80 / capacity);
  });
});

describe('blocks', () => {
  it('[TX167] are written without their dead, and merged with the next', () => {
    const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS) });
    world.put(named(0, 4 * SLICE));
    world.sweep();
    const ids = world.ids();
    world.remove(ids.slice(0, Math.ceil(BLOCK / 2) - 1));
    world.sweep();
    expect(blocksOf(world)[0]).toBe(5);
    world.remove(ids.slice(Math.ceil(BLOCK / 2) - 1, BLOCK - 3));
    world.remove(ids.slice(BLOCK, 2 * BLOCK - 3));
    world.sweep();
    expect(blocksOf(world)[0]).toBe(4);
    world.remove(ids.slice(2 * BLOCK));
    world.sweep();
    expect(blocksOf(world)[0]).toBe(1);
    expect(
      world.shard.sql.sql.exec('SELECT count(*) AS images, sum(count) AS rows FROM vector_images JOIN vector_blocks ON id = block').one(),
    ).toEqual({ images: 1, rows: 6 });
  });

  it('[TX167] of an index whose every row is written anew stay as many', () => {
    const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS) });
    for (let round = 0; round < 4; round += 1) {
      world.put(named(0, 4 * SLICE));
      world.sweep();
    }
    expect(blocksOf(world)[0]).toBeLessThanOrEqual(6);
  });
});

describe('a field', () => {
  it('[TX164] that is new is built in slices, while others serve as they are', () => {
    const world = new VectorFieldsWorld({ image: vectorField(DIMENSIONS), text: TEXT });
    const both = () => ({ image: vector(), other: vector(16) });
    world.put(named(0, 3 * SLICE, both));
    world.sweep();
    world.define({ image: vectorField(DIMENSIONS), text: TEXT, other: vectorField(16, 'dot') });
    const { shard, store } = world.shard;
    const search = (field: string, dimensions: number) =>
      whole(
        shard.searchFields({
          indexId: world.shard.identity.indexId,
          query: { kind: 'vector', field, vector: vector(dimensions) },
          namespace: '',
          topK: 1,
          filter: null,
          excludeIds: [],
          include: { values: false, metadata: false, text: false },
        }),
      );
    let slices = 0;
    for (; !search('other', 16).ok; slices += 1) {
      expect(search('other', 16)).toMatchObject({ error: { code: 'index_growing' } });
      expect(blocksOf(world)[0]).toBe(4);
      // What is written meanwhile comes to its turn.
      if (slices === 0) world.put(named(3 * SLICE - 10, 20, both));
      expect(store.fields?.isSweepDue).toBe(true);
      store.fields?.sweep();
    }
    expect(slices).toBeGreaterThan(2);
    blocksOf(world, { field: 'other', vector: vector(16) });
    world.define({ other: vectorField(16, 'dot') });
    blocksOf(world, { field: 'other', vector: vector(16) });
    expect(search('image', DIMENSIONS)).toMatchObject({ error: { code: 'invalid_value', path: ['fields', 'image'] } });
    expect(world.shard.sql.sql.exec('SELECT count(*) AS blocks FROM vector_images').one()).toEqual({ blocks: 1 });
  });

  it('[TX165] is refused where the index has none of that name and kind', () => {
    const world = new VectorFieldsWorld({ image: vectorField(2), text: TEXT });
    for (const field of ['none', 'text'])
      expect(() => world.search({ field, vector: vector(2), topK: 1 })).toThrow(`${field} is no vector field`);
    const text = { kind: 'text', query: 'x', fields: [{ name: 'image', weight: 1 }], k1: 1, b: 0 } as const;
    const leg = { query: text, namespace: 1, topK: 1, statistics: { fields: [], terms: [] } };
    expect(atOnce(world.shard.store.fields!.search(leg))).toMatchObject({
      error: { path: ['fields', 'image'] },
    });
  });

  it('[TX168] bounds how many rows a shard takes, if it is wider than the first vector', () => {
    const capacity = shardCapacity({ dimensions: 384 });
    expect(shardCapacity({ dimensions: 8, fields: { image: vectorField(384), small: vectorField(4), text: TEXT } })).toBe(capacity);
    expect(shardCapacity({ dimensions: 384, fields: { small: vectorField(4) } })).toBe(capacity);
    expect(shardBudget({ dimensions: 8, fields: { image: vectorField(384) } })).toBe(shardBudget({ dimensions: 384 }));
  });

  it('[TX161] answers the metric of its own, and what a leg includes', () => {
    const world = new VectorFieldsWorld({ far: vectorField(2, 'l2') });
    world.put({ a: { far: Float32Array.of(3, 4) }, b: { far: Float32Array.of(0, 1) }, c: {} });
    const found = world.search({ field: 'far', vector: Float32Array.of(0, 0), topK: 3 });
    expect([found.ids, found.scores]).toEqual([
      ['b', 'a'],
      [1, 5],
    ]);
    const counted = world.shard.shard.termStatistics({
      indexId: world.shard.identity.indexId,
      query: { kind: 'vector', field: 'far', vector: Float32Array.of(0, 0) },
      namespace: '',
      filter: null,
    });
    expect(value(whole(counted))).toMatchObject({ fields: [], terms: [] });
  });
});
