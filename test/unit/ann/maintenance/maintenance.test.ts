import { describe, expect, it } from 'vitest';

import type { ListSettings } from '../../../../src/ann/engine/list-settings.ts';
import {
  decodeSettings,
  encodeSettings,
  newSettings,
  proposalCount,
  rescoreCountFor,
  UNCALIBRATED,
} from '../../../../src/ann/engine/list-settings.ts';
import { LiveRows } from '../../../../src/ann/engine/live-rows.ts';
import { RowSet } from '../../../../src/ann/filter/row-set.ts';
import { CorruptList } from '../../../../src/ann/lists/integrity.ts';
import { RESCORE_MAX_COUNT } from '../../../../src/ann/lists/list-search.ts';
import { PAGE_BYTES, PageMemory } from '../../../../src/ann/page-memory.ts';
import type { MaintenanceState } from '../../../../src/ann/maintenance/next-task.ts';
import { MAINTENANCE_SIZES, listMaintenanceOf, nextTask } from '../../../../src/ann/maintenance/next-task.ts';
import { splitInTwo, squaredDistance } from '../../../../src/ann/maintenance/split-in-two.ts';
import { decodeTrainingCheckpoint, encodeTrainingCheckpoint } from '../../../../src/ann/maintenance/train.ts';
import { TrainingTurn } from '../../../../src/ann/maintenance/background-work.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

const settings = (over: Partial<ListSettings> = {}): ListSettings => ({
  ...newSettings(20_000),
  calibratedCount: 20_000,
  usualLoss: 1,
  ...over,
});

/** The state of a shard of 20,000 vectors that needs no maintenance, except for the given differences. */
function state(
  over: Partial<MaintenanceState> & { readonly newest?: Partial<ListSettings>; readonly entryCount?: number } = {},
): MaintenanceState {
  const { newest, entryCount = 20_000, count = 20_000, ...rest } = over;
  return {
    count,
    isWorthLists: count >= 10_000,
    unlistedCount: 0,
    isQuiet: true,
    isTraining: false,
    isBuiltElsewhere: false,
    listSets: [{ settings: settings(newest), entryCount }],
    entryCounts: new Map([
      [0, 192],
      [1, 200],
    ]),
    maintainedCounts: new Map(),
    ...rest,
  };
}

describe('what maintenance does next', () => {
  const two = [
    { settings: settings(), entryCount: 12_000 },
    { settings: settings({ calibratedCount: 0 }), entryCount: 8_000 },
  ];
  const lists = (...counts: number[]) => new Map(counts.map((count, list) => [list, count]));
  it.each<[string, MaintenanceState, unknown]>([
    ['nothing when nothing is due', state(), undefined],
    ['nothing for a small shard without lists', state({ listSets: [], count: 9_999 }), undefined],
    ['train when a shard is large', state({ listSets: [], count: 10_000 }), { kind: 'train' }],
    ['continue a training in progress before anything else', state({ isTraining: true, unlistedCount: 5_000 }), { kind: 'train' }],
    ['continue the training of a shard that shrank', state({ isTraining: true, listSets: [], count: 5 }), { kind: 'train' }],
    ['train again at more than four times the vectors', state({ count: 80_001, unlistedCount: 60_001 }), { kind: 'train' }],
    ['flush at four times the vectors', state({ count: 80_000, unlistedCount: 60_000 }), { kind: 'flush' }],
    ['train again when the loss is much higher', state({ newest: { encodedCount: 1_000, encodedLoss: 1_301 } }), { kind: 'train' }],
    ['not train again when the loss is somewhat higher', state({ newest: { encodedCount: 1_000, encodedLoss: 1_299 } }), undefined],
    ['not train again for a few unusual vectors', state({ newest: { encodedCount: 999, encodedLoss: 9_999 } }), undefined],
    [
      'not train again for a small part of the vectors',
      state({ newest: { encodedCount: 1_999, encodedLoss: 9_999, calibratedCount: 40_000 }, count: 40_000, entryCount: 40_000 }),
      undefined,
    ],
    [
      'not train again before the usual loss is known',
      state({ newest: { encodedCount: 5_000, encodedLoss: 9_999, calibratedCount: 0 } }),
      { kind: 'calibrate' },
    ],
    ['not train without vectors', state({ newest: { encodedCount: 1_000, encodedLoss: 9_999 }, count: 0, entryCount: 0 }), undefined],
    ['not train again while vectors move to a new list set', state({ listSets: two, count: 800_000 }), { kind: 'migrate' }],
    ['flush before vectors are moved', state({ listSets: two, unlistedCount: 1_024 }), { kind: 'flush' }],
    ['move vectors before a small flush', state({ listSets: two, unlistedCount: 1_023 }), { kind: 'migrate' }],
    ['wait with a small flush', state({ unlistedCount: 1, isQuiet: false, entryCount: 19_999 }), undefined],
    ['flush the last row when it is quiet', state({ unlistedCount: 1, entryCount: 19_999 }), { kind: 'flush' }],
    ['split long lists and merge short ones', state({ entryCounts: lists(512, 513, 24, 23) }), { kind: 'maintain', lists: [1, 3] }],
    ['leave a single short list unchanged', state({ entryCounts: lists(3) }), undefined],
    [
      'leave a list that has not changed since its maintenance',
      state({ entryCounts: lists(600, 601), maintainedCounts: lists(600, 600) }),
      { kind: 'maintain', lists: [1] },
    ],
    ['check all lists when many entries are deleted', state({ entryCount: 25_001 }), { kind: 'maintain', lists: [0, 1] }],
    ['not check for a few deleted entries', state({ entryCount: 25_000 }), undefined],
    ['calibrate lists that never were', state({ newest: { calibratedCount: 0 } }), { kind: 'calibrate' }],
    [
      'list what is left before lists are calibrated, if that is much',
      state({ newest: { calibratedCount: 0 }, entryCount: 4_096, count: 4_609, unlistedCount: 513, isQuiet: false }),
      { kind: 'flush' },
    ],
    [
      'calibrate before that if it is little',
      state({ newest: { calibratedCount: 0 }, entryCount: 4_096, count: 4_608, unlistedCount: 512, isQuiet: false }),
      { kind: 'calibrate' },
    ],
    ['not calibrate a few entries', state({ newest: { calibratedCount: 0 }, count: 999, entryCount: 999 }), undefined],
    ['calibrate after growth by half', state({ newest: { calibratedCount: 13_333 } }), { kind: 'calibrate' }],
    ['calibrate after a fall by a third', state({ newest: { calibratedCount: 30_001 } }), { kind: 'calibrate' }],
    ['not calibrate earlier', state({ newest: { calibratedCount: 13_334 } }), undefined],
    [
      'calibrate few entries after growth by a fifth',
      state({ newest: { calibratedCount: 4_166 }, count: 5_000, entryCount: 5_000 }),
      { kind: 'calibrate' },
    ],
    ['not calibrate those earlier', state({ newest: { calibratedCount: 4_167 }, count: 5_000, entryCount: 5_000 }), undefined],
  ])('[V121] %s', (_, given, expected) => {
    expect(nextTask(given, MAINTENANCE_SIZES)).toEqual(expected);
  });
});

it.each([
  [2, 10_000],
  [100, 10_000],
  [251, 9_961],
  [384, 6_511],
  [784, 3_189],
  [1_536, 1_628],
  [8_192, 1_000],
])('[V183] vectors of %i dimensions are searched by lists from %i on', (dimensions, count) => {
  expect(MAINTENANCE_SIZES.listedCountMin(dimensions)).toBe(count);
});

it.each<[number, number, string]>([
  [513, 513, 'split'],
  [600, 512, 'nothing'],
  [641, 512, 'compaction'],
  [100, 80, 'nothing'],
  [100, 79, 'compaction'],
  [24, 24, 'nothing'],
  [600, 23, 'merge'],
  [0, 0, 'merge'],
])('[V124] a list of %i entries, %i of them alive, needs: %s', (entryCount, liveCount, expected) => {
  expect(listMaintenanceOf(MAINTENANCE_SIZES, entryCount, liveCount)).toBe(expected);
});

describe('splitting in two', () => {
  const random = new Seeded(7);
  const around = (x: number, y: number, count: number): number[] =>
    Array.from({ length: count }, () => [x + random.next(), y + random.next()]).flat();
  const halvesOf = (values: Float32Array) => {
    const work = splitInTwo(values, 2, 5);
    for (;;) {
      const { done, value } = work.next();
      if (done === true) return value;
    }
  };
  const split = (...values: number[]) => halvesOf(Float32Array.from(values))?.map(([x, y]) => [0 + Math.round(x!), 0 + Math.round(y!)]);

  it('[V124] finds two clusters', () => {
    expect(split(...around(-0.5, 9.5, 20), ...around(29.5, -0.5, 40))?.sort()).toEqual([
      [0, 10],
      [30, 0],
    ]);
  });

  it('[V124] halves equal vectors about evenly', () => {
    const values = Float32Array.from(around(0, 0, 400));
    const halves = halvesOf(values)!;
    const nearer = Array.from({ length: 400 }, (_, i) => values.subarray(2 * i, 2 * i + 2)).filter(
      (vector) => squaredDistance(vector, halves[0]) < squaredDistance(vector, halves[1]),
    );
    expect(nearer.length).toBeGreaterThan(100);
    expect(nearer.length).toBeLessThan(300);
  });

  it('[V124] is not distorted by a few distant vectors', () => {
    const found = split(...around(-0.5, -0.5, 30), ...around(9.5, -0.5, 30), 900, 900, -900, 5_000);
    expect(found?.sort()).toEqual([
      [0, 0],
      [10, 0],
    ]);
  });

  it('[V124] is not done if one half would be too short, as with equal or nearly equal vectors', () => {
    const equal = Array.from({ length: 60 }, () => [1, 2]).flat();
    expect(split(...equal)).toBeUndefined();
    expect(split(...equal, 3, 4, 3, 5)).toBeUndefined();
    expect(split(1, 2)).toBeUndefined();
    expect(split()).toBeUndefined();
  });
});

describe('settings of a list set', () => {
  it('[V127] round-trip through their JSON', () => {
    expect(decodeSettings(encodeSettings(settings({ stop: 17, usualLoss: 1e-30 })))).toEqual(settings({ stop: 17, usualLoss: 1e-30 }));
  });

  it('[V127] of a version that knew no reaches mean what they meant', () => {
    const { stopsByReach: _, ...old } = settings({ stop: 17 });
    expect(decodeSettings(JSON.stringify(old))).toEqual(settings({ stop: 17, stopsByReach: false }));
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"stop":1}',
    encodeSettings({ ...settings(), stop: NaN }),
    encodeSettings({ ...settings(), rescoreCount: -1 }),
    encodeSettings({ ...settings(), isExact: 0 as unknown as boolean }),
  ])('[V127] are refused as corrupt: %s', (json) => {
    expect(() => decodeSettings(json)).toThrow(CorruptList);
  });

  it('[V125] rescore more for larger answers, up to what a search can', () => {
    const depth = { ...UNCALIBRATED, rescoreCount: 64, rescoreGrowth: 0.5 };
    expect([1, 10, 40, 1_000].map((topK) => rescoreCountFor(depth, topK))).toEqual([64, 64, 128, proposalCount(1_000)]);
    expect(rescoreCountFor({ ...depth, rescoreGrowth: 2.4 }, 1_000)).toBe(RESCORE_MAX_COUNT);
  });
});

describe('the checkpoint of a training', () => {
  const checkpoint = { count: 70_000, listCount: 365, rows: [1, 7, 2 ** 32 - 1], progress: Uint8Array.of(9, 8, 7, 6, 5) };
  const bytes = encodeTrainingCheckpoint(checkpoint);

  it('[V122] round-trips, from any offset in a buffer', () => {
    expect(decodeTrainingCheckpoint(bytes)).toEqual(checkpoint);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeTrainingCheckpoint(shifted.subarray(3))).toEqual(checkpoint);
    const fresh = { ...checkpoint, rows: [], progress: new Uint8Array() };
    expect(decodeTrainingCheckpoint(encodeTrainingCheckpoint(fresh))).toEqual(fresh);
  });

  it('[V122] is discarded if truncated anywhere, or with any bit flipped', () => {
    for (let length = 0; length < bytes.length; length += 1) expect(decodeTrainingCheckpoint(bytes.subarray(0, length))).toBeUndefined();
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const altered = bytes.slice();
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeTrainingCheckpoint(altered)).toBeUndefined();
    }
  });
});

it('[V123] one shard at a time may train, until it finishes or stays silent for a while', () => {
  const turn = new TrainingTurn();
  expect([turn.take('a', 0), turn.take('b', 10), turn.take('a', 4_000)]).toEqual([true, false, true]);
  expect([turn.take('b', 8_999), turn.take('b', 9_000), turn.take('a', 9_001)]).toEqual([false, true, false]);
  turn.release('a');
  expect(turn.take('a', 9_002)).toBe(false);
  turn.release('b');
  expect(turn.take('a', 9_003)).toBe(true);
});

describe('live rows', () => {
  const never = (): never => {
    throw new Error('known');
  };

  it('[V126] are read once, and then follow writes', () => {
    const live = new LiveRows(new PageMemory(8 * PAGE_BYTES));
    live.add(1, 3);
    expect(live.of(1, () => RowSet.of([4, 5, 6])).count).toBe(3);
    live.add(1, 600_000);
    live.delete(1, 5);
    live.add(2, 7);
    const { bitmap, count } = live.of(1, never);
    expect([count, [3, 4, 5, 6, 7, 600_000].filter((row) => bitmap.has(row))]).toEqual([3, [4, 6, 600_000]]);
    expect(live.bytes).toBe(2 * PAGE_BYTES);
    live.free();
    expect(live.bytes).toBe(0);
    expect(live.of(1, () => RowSet.of([9])).count).toBe(1);
  });

  it('[V126] are kept for eight namespaces, and evicted for the least recently searched one', () => {
    const live = new LiveRows(new PageMemory(8 * PAGE_BYTES));
    for (let namespace = 1; namespace <= 8; namespace += 1) live.of(namespace, () => RowSet.of([namespace]));
    live.of(1, never);
    live.of(9, () => RowSet.of([9]));
    expect(live.bytes).toBe(8 * PAGE_BYTES);
    for (const namespace of [1, 3, 9]) expect(live.of(namespace, never).count).toBe(1);
    expect(live.of(2, () => RowSet.of([2, 22])).count).toBe(2);
  });
});
