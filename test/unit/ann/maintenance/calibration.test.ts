import { describe, expect, it, vi } from 'vitest';

import { CALIBRATED_TOP_K, decodeSettings, encodeSettings, proposalCount } from '../../../../src/ann/engine/list-settings.ts';
import { ShardLists } from '../../../../src/ann/engine/shard-lists.ts';
import type { RecallTarget } from '../../../../src/contract/indexes/index-settings.ts';
import { PAGE_BYTES } from '../../../../src/ann/page-memory.ts';
import { Maintenance } from '../../../../src/ann/maintenance/maintenance.ts';
import { Clusters } from '../../../support/fixtures/clusters.ts';
import type { WorldVector } from '../../../support/worlds/shard-world.ts';
import { ShardWorld, SMALL_SIZES, smallFloor } from '../../../support/worlds/shard-world.ts';

const DIMENSIONS = 12;
const cosine = { metric: 'cosine', dimensions: DIMENSIONS } as const;

let serial = 0;
const vectorOf = (values: Float32Array): WorldVector => ({ namespace: '', id: `v${(serial += 1)}`, values, n: 0 });
const from = (source: Clusters, count: number): WorldVector[] => Array.from({ length: count }, () => vectorOf(source.next()));
const sourceOf = (seed: number, dimensions = DIMENSIONS) => new Clusters({ dimensions, count: 10, spread: 0.5, seed });

describe('calibration', () => {
  const settingsOf = ({ store }: ShardWorld) => decodeSettings(store.lists.listSets().at(-1)!.settings);
  const nearlyEqual = (source: Clusters, values: Float32Array, spread: number) =>
    vectorOf(values.map((component) => component * (1 + spread * (source.random.next() - 0.5))));

  it('[V160] searches lists exactly when no depth suffices, as for vectors with equal codes', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    const source = sourceOf(9);
    world.upsert(from(source, 600));
    world.settle();
    expect(settingsOf(world).isExact).toBe(false);
    const centre = source.next();
    for (let batch = 0; batch < 6; batch += 1) world.upsert(Array.from({ length: 500 }, () => nearlyEqual(source, centre, 1e-4)));
    world.settle();
    expect(settingsOf(world).isExact).toBe(true);
    const queries = Array.from({ length: 20 }, () => ({ values: nearlyEqual(source, centre, 1e-4).values, topK: 10 }));
    expect(world.recall(queries)).toBe(1);
  });

  it('[V161] makes searches read more rows only where int8 codes cannot separate vectors', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    const source = sourceOf(10);
    world.upsert(from(source, 500));
    const centre = source.next();
    world.upsert(Array.from({ length: 90 }, () => nearlyEqual(source, centre, 0.002)));
    world.settle();
    // With a deep enough rescoring, so that the scan itself loses none.
    world.store.lists.setSettings(world.store.lists.listSets()[0]!.id, encodeSettings({ ...settingsOf(world), rescoreCount: 256 }));
    world.restart();
    const near = Array.from({ length: 20 }, () => ({ values: nearlyEqual(source, centre, 0.002).values, topK: 1 }));
    const rowsRead = (query: (typeof near)[number]) => world.query(query).explanation?.rowsRead ?? 0;
    expect(Math.min(...near.map(rowsRead))).toBeGreaterThan(proposalCount(1));
    expect(world.recall(near)).toBe(1);
    const usual = Array.from({ length: 20 }, () => ({ values: source.next(), topK: 1 }));
    expect(usual.map(rowsRead).filter((rows) => rows === proposalCount(1)).length).toBeGreaterThan(10);
  });

  it('[V121] tries one depth in a slice, by many searches, so that searches wait no longer', () => {
    const [steps, searches] = [vi.spyOn(Maintenance.prototype, 'step'), vi.spyOn(ShardLists.prototype, 'nearby')];
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    world.upsert(from(sourceOf(11), 600));
    world.settle();
    const begun = steps.mock.invocationCallOrder;
    const depthsOf = new Map<number, Set<string>>();
    for (const [i, [, depth]] of searches.mock.calls.entries()) {
      const slice = begun.findLastIndex((order) => order < searches.mock.invocationCallOrder[i]!);
      depthsOf.set(slice, (depthsOf.get(slice) ?? new Set()).add(JSON.stringify(depth)));
    }
    const searchCount = searches.mock.calls.length;
    vi.restoreAllMocks();
    expect(depthsOf.size).toBeGreaterThan(8);
    for (const depths of depthsOf.values()) expect(depths.size).toBe(1);
    // A search takes far less than a slice.
    expect(depthsOf.size).toBeLessThan(searchCount / 4);
  });

  /** The searches of the last calibration of a shard of these vectors: exact ones, and others by their depth. */
  function searchesOfCalibration(recall: RecallTarget, ...batches: WorldVector[][]) {
    const [exact, nearby] = [vi.spyOn(ShardLists.prototype, 'exactly'), vi.spyOn(ShardLists.prototype, 'nearby')];
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), { ...cosine, recall });
    for (const batch of batches) {
      world.upsert(batch);
      for (const spy of [exact, nearby]) spy.mockClear();
      world.settle();
    }
    const byDepth = new Map<string, number>();
    for (const [, { stop, stopsByReach, rescoreCount }, { topK }] of nearby.mock.calls) {
      const depth = JSON.stringify([stop, stopsByReach, rescoreCount, topK]);
      byDepth.set(depth, (byDepth.get(depth) ?? 0) + 1);
    }
    const exactCount = exact.mock.calls.length;
    vi.restoreAllMocks();
    return { exactCount, byDepth, settings: settingsOf(world) };
  }

  it('[V198] searches an eighth of its queries exactly where the deepest search finds the same', () => {
    const { exactCount } = searchesOfCalibration(0.99, from(sourceOf(11), 600));
    expect(exactCount).toBe(Math.ceil(SMALL_SIZES.trialQueries / 8));
  });

  it('[V198] searches all of its queries exactly where codes do not separate the closest', () => {
    const source = sourceOf(9);
    const centre = source.next();
    const alike = () => nearlyEqual(source, centre, 1e-4);
    const { exactCount, settings } = searchesOfCalibration(0.95, from(source, 600), Array.from({ length: 3_000 }, alike));
    expect(exactCount).toBe(SMALL_SIZES.trialQueries);
    expect(settings.isExact).toBe(true);
  });

  it('[V198] gives a depth up at the first neighbour too many that it misses', () => {
    const { byDepth, settings } = searchesOfCalibration(0.99, from(sourceOf(11), 600));
    const tried = ({ stop, stopsByReach, rescoreCount }: typeof settings) =>
      byDepth.get(JSON.stringify([stop, stopsByReach, rescoreCount, CALIBRATED_TOP_K + 1]));
    expect(settings.stop).toBeGreaterThan(0);
    expect(tried(settings)).toBe(SMALL_SIZES.trialQueries);
    // The next shallower one was tried, as the chosen one is the shallowest that suffices.
    expect(tried({ ...settings, stop: settings.stop - 1 })).toBeLessThan(SMALL_SIZES.trialQueries);
  });

  it('[V198] tries most depths by a quarter of its queries, or by those only that missed the most before', () => {
    const { byDepth } = searchesOfCalibration(0.99, from(sourceOf(11), 600));
    const tried = [...byDepth].filter(([depth]) => (JSON.parse(depth) as unknown[])[3] === CALIBRATED_TOP_K + 1);
    const few = tried.filter(([, searches]) => searches <= SMALL_SIZES.trialQueries / 2);
    expect(tried.length).toBeGreaterThan(8);
    expect(few.length).toBeGreaterThan(tried.length / 2);
    // In the order of the queries, four searches are the fewest that miss too many.
    expect(few.filter(([, searches]) => searches <= 2).length).toBeGreaterThan(2);
  });

  it('[V125] lets probing stop by how far lists reach where centroids tell it and that is cheaper', () => {
    const chosenFor = (metric: 'cosine' | 'dot' | 'l2', seed: number, offset: number) => {
      const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), { metric, dimensions: DIMENSIONS, recall: 0.99 });
      world.upsert(from(new Clusters({ dimensions: DIMENSIONS, count: 3, spread: 1, seed, offset }), 900));
      world.settle();
      return settingsOf(world).stopsByReach;
    };
    expect([chosenFor('cosine', 1, 0), chosenFor('cosine', 2, 0)]).toEqual([true, true]);
    // Far off the origin, how long a centroid is says little of where its list is spread.
    expect([chosenFor('cosine', 1, 2), chosenFor('cosine', 2, 2)]).toEqual([false, false]);
    expect([chosenFor('dot', 1, 0), chosenFor('l2', 1, 0)]).toEqual([false, false]);
  });

  // More than the fewest that calibration rescores, and more than the number of exact neighbours it keeps.
  it.each([90, 300])('[V162] accepts any of %i vectors that tie for the last rank', (count) => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    const source = sourceOf(11);
    for (let group = 0; group < 5; group += 1) {
      const values = source.next();
      // Written in an order other than that of their ids, by which equal matches are ordered.
      world.upsert(Array.from({ length: count }, () => ({ ...vectorOf(values), id: `${source.random.next()}` })));
    }
    world.settle();
    const { isExact, rescoreCount, stop } = settingsOf(world);
    expect([isExact, rescoreCount]).toEqual([false, 32]);
    expect(stop).toBeLessThan(20);
  });
});
