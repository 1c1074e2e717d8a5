import { quantise, queryCodeMax } from '../../../src/ann/quantise.ts';
import { CODEWORDS, nibbleCount, prepare, subspaceCount } from '../../../src/ann/lists/list-model.ts';
import type { ListModel } from '../../../src/ann/lists/list-model.ts';
import type { Entry, ListWorld } from '../worlds/list-world.ts';

const WINDOW = 512;
const CHUNK = 64;

export interface PlainSearch {
  readonly values: Float32Array;
  readonly count: number;
  readonly undecided?: { readonly of: number; readonly countMax: number };
  readonly stop: number;
  readonly stopsByReach?: boolean | undefined;
  readonly rescoreCount: number;
}

export interface PlainAnswer {
  /** The lists probed, in the order of their scans. */
  readonly probed: number[];
  readonly candidates: Set<number>;
  readonly rows: number[];
  readonly closeness: number[];
  readonly rounds: number;
  readonly isSaturated: boolean;
  /** Whether a list was probed of which only an entry with the highest sum that 8 bits hold could be taken, and one was. */
  readonly takesHighest: boolean;
  /** Whether a list was probed before another whose centroid is closer. */
  readonly isReordered: boolean;
}

interface PlainQuery {
  readonly prepared: Float32Array;
  readonly codes: Int16Array;
  readonly scale: number;
  readonly length: number;
}

const { fround } = Math;

/** The same search as the kernels', in plain loops. */
export function searchPlainly(world: ListWorld, search: PlainSearch): PlainAnswer {
  const query = plainQuery(world.model, search.values);
  const { tables, inverse } = plainTables(world.model, query);
  const bases = world.centroids.map((centroid) => {
    const product = productOf(query.codes, centroid.codes);
    const squared = productOf(centroid.codes, centroid.codes);
    return product * centroid.scale * query.scale + (world.model.metric === 'l2' ? -(centroid.scale * centroid.scale * squared) / 2 : 0);
  });
  const range = Math.max(...bases) - Math.min(...bases);
  const reaches = reachesOf(world);
  const usual = reaches.reduce((sum, reach) => sum + reach, 0) / reaches.length;
  const further = reaches.map((reach) => Math.max(usual * -0.5, Math.min(usual, reach - usual)));
  const units = inverse === 0 ? (range > 0 ? Math.min(WINDOW / 2 / range, Number.MAX_VALUE) : 0) : inverse;
  const slack = search.stopsByReach !== true || inverse === 0 || usual === 0 ? 0 : stopOf(search, tables) / inverse / usual;
  const found = probePlainly(world, search, tables, { bases, further, units, slack });
  return { ...found, ...rescorePlainly(world, search, query, found.entries), candidates: new Set(found.entries.map(({ row }) => row)) };
}

/** How far the vectors of each list lie from its centroid: of unit vectors with the mean c, the root of 1 - |c|^2. */
function reachesOf({ model, centroids }: ListWorld): number[] {
  if (model.metric !== 'cosine') return centroids.map(() => 0);
  return centroids.map(({ codes, scale }) => {
    const reach = Math.sqrt(Math.max(0, 1 - scale * scale * productOf(codes, codes)));
    return Math.round(reach * 2 ** 20) / 2 ** 20;
  });
}

const stopOf = ({ stop }: PlainSearch, tables: readonly Int8Array[]): number =>
  Math.max(0, Math.min(127 * Math.ceil(tables.length / CHUNK), Math.floor(stop)));

interface Ranking {
  readonly bases: readonly number[];
  /** By how much each list reaches further than usual. */
  readonly further: readonly number[];
  /** Of the scan, in one of closeness. */
  readonly units: number;
  /** What its rank gains for that. */
  readonly slack: number;
}

function probePlainly(world: ListWorld, search: PlainSearch, tables: Int8Array[], { bases, further, units, slack }: Ranking) {
  const chunks = Math.ceil(tables.length / CHUNK);
  const stop = Math.max(-WINDOW, Math.min(127 * chunks, Math.floor(search.stop)));
  const probed: number[] = [];
  const entries: Entry[] = [];
  let [rounds, isSaturated, isReordered, highest] = [0, false, false, 0];
  let left = bases.map((base, list) => ({ rank: base + further[list]! * slack, list }));
  while (left.length > 0 && entries.length < search.rescoreCount) {
    rounds += 1;
    const top = Math.max(...left.map(({ rank }) => rank));
    const near = left
      .map(({ rank, list }) => ({ list, rank, depth: (top - rank) * units }))
      .filter(({ depth }) => depth < WINDOW - 0.5)
      .map(({ list, rank, depth }) => ({ list, rank, depth: roundEven(depth) }))
      .sort((a, b) => a.depth - b.depth || a.list - b.list);
    left = left.filter(({ list }) => !near.some((other) => other.list === list));
    // The best entries so far by key; equal keys in the order in which they were found.
    let best: { key: number; entry: Entry }[] = [];
    const goal = search.rescoreCount - entries.length;
    for (const { list, rank, depth } of near) {
      const base = WINDOW - 1 - roundEven((top - (rank - further[list]! * slack)) * units);
      const need = best.length === goal ? best.at(-1)!.key + 1 : 0;
      if (need > 0 && need - (WINDOW - 1 - depth) > stop) break;
      if (world.entries[list]!.length === 0) continue;
      isReordered ||= bases[list]! > bases[probed.at(-1) ?? list]!;
      probed.push(list);
      for (const entry of world.entries[list]!) {
        if (!world.allowed.has(entry.row)) continue;
        const { sum, saturated } = sumOf(tables, entry.nibbles);
        isSaturated ||= saturated;
        highest += Number(isJustHighest(chunks, sum, need - base));
        const key = Math.max(0, base + sum);
        const behind = best.findIndex((other) => other.key < key);
        best.splice(behind === -1 ? best.length : behind, 0, { key, entry });
        best = best.slice(0, goal);
      }
    }
    const isFull = best.length === goal;
    entries.push(...best.map(({ entry }) => entry));
    if (isFull) break;
  }
  return { probed, entries, rounds, isSaturated, isReordered, takesHighest: highest > 0 };
}

const isJustHighest = (chunks: number, sum: number, needed: number): boolean => chunks === 1 && sum === 127 && needed === 127;

function sumOf(tables: readonly Int8Array[], nibbles: Uint8Array): { sum: number; saturated: boolean } {
  let [sum, chunk, saturated] = [0, 0, false];
  for (const [i, table] of tables.entries()) {
    if (i % CHUNK === 0) [sum, chunk] = [sum + chunk, 0];
    const next = chunk + table[nibbles[i]!]!;
    chunk = Math.max(-128, Math.min(127, next));
    saturated ||= chunk !== next;
  }
  return { sum: sum + chunk, saturated };
}

function rescorePlainly({ model }: ListWorld, { count, undecided }: PlainSearch, query: PlainQuery, entries: readonly Entry[]) {
  const isDistance = model.metric === 'l2';
  const first = entries.map((entry) => ({ entry, closeness: closenessByCodes(query, entry, isDistance) }));
  const order = (a: (typeof first)[number], b: (typeof first)[number]) => b.closeness - a.closeness || a.entry.row - b.entry.row;
  const last = first.toSorted(order)[count - 1];
  const second = first.map(({ entry, closeness }) => {
    const reach = isDistance ? Math.sqrt(Math.max(0, query.length * query.length - 2 * closeness)) : query.length;
    if (!model.hasLowPlane || last === undefined || closeness + 2 * reach * entry.scale < last.closeness) return { entry, closeness };
    return { entry, closeness: closenessByPlanes(query, entry, isDistance) };
  });
  let size = count;
  if (undecided !== undefined && last !== undefined && !model.hasLowPlane) {
    const needed = first.toSorted(order)[undecided.of - 1]!.closeness;
    const reaching = first.filter(({ entry, closeness }) => {
      const reach = isDistance ? Math.sqrt(Math.max(0, query.length * query.length - 2 * closeness)) : query.length;
      return closeness + (3 / Math.sqrt(12)) * reach * entry.scale >= needed;
    });
    size = Math.max(count, Math.min(reaching.length, undecided.countMax));
  }
  const answer = second.toSorted(order).slice(0, size);
  return { rows: answer.map(({ entry }) => entry.row), closeness: answer.map(({ closeness }) => closeness) };
}

export function closenessByCodes(query: PlainQuery, { codes, scale }: Entry, isDistance: boolean): number {
  const closeness = productOf(query.codes, codes) * scale * query.scale;
  return isDistance ? closeness - scale * scale * productOf(codes, codes) * 0.5 : closeness;
}

export function closenessByPlanes(query: PlainQuery, { codes, low, scale }: Entry, isDistance: boolean): number {
  const closeness = (productOf(query.codes, codes) + productOf(query.codes, low) / 256) * scale * query.scale;
  if (!isDistance) return closeness;
  const squares = productOf(codes, codes) + productOf(codes, low) / 128 + productOf(low, low) / 65_536;
  return closeness - scale * scale * squares * 0.5;
}

function plainQuery(model: ListModel, values: Float32Array): PlainQuery {
  const prepared = new Float32Array(values.length);
  prepare(model, values, prepared);
  const codes = new Int16Array(values.length);
  const { scale, length, error } = quantise('dot', prepared, queryCodeMax(values.length + 64), codes);
  return { prepared, codes, scale, length: length + error };
}

/** Computed in float32, adding in the order of the kernel's lanes. */
function plainTables(model: ListModel, { prepared, scale }: PlainQuery): { tables: Int8Array[]; inverse: number } {
  const { codebook, subspaceDimensions: width, dimensions, biasStep } = model;
  const codebookMax = codebook.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  const largest = Math.max(scale * queryCodeMax(dimensions + 64) * codebookMax, biasStep * 256) || 1;
  const raw = Array.from({ length: nibbleCount(model) }, (_, subspace) =>
    Float32Array.from({ length: CODEWORDS }, (__, codeword) => {
      const biasRow = subspace - subspaceCount(model);
      if (biasRow >= 0) return (biasStep * (biasRow === 0 ? CODEWORDS : 1) * codeword) / largest;
      let sum = 0;
      for (let i = 0; i < width; i += 1) {
        const value = fround((prepared[subspace * width + i] ?? 0) * (codebookMax / largest));
        sum = fround(sum + fround(value * fround(codebook[(subspace * CODEWORDS + codeword) * width + i]! / codebookMax)));
      }
      return sum;
    }),
  );
  let [variance, chunk] = [0, 0];
  for (const [i, table] of raw.entries()) {
    const mean = fround(sumByLanes(table) * 0.0625);
    for (const [j, value] of table.entries()) table[j] = value - mean;
    chunk = (i % CHUNK === 0 ? 0 : chunk) + sumByLanes(table.map((value) => value * value));
    variance = Math.max(variance, chunk);
  }
  const inverse = variance / 16 > 1e-24 ? 127 / (6 * Math.sqrt(variance / 16)) : 0;
  const tables = raw.map((table) =>
    Int8Array.from(table, (value) => Math.max(-128, Math.min(127, roundEven(fround(value * fround(inverse)))))),
  );
  return { tables, inverse: inverse / largest };
}

function sumByLanes(table: Float32Array): number {
  const lanes = [0, 1, 2, 3].map((lane) => fround(fround(table[lane]! + table[4 + lane]!) + fround(table[8 + lane]! + table[12 + lane]!)));
  return fround(fround(lanes[0]! + lanes[1]!) + fround(lanes[2]! + lanes[3]!));
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function productOf(a: Int16Array | Int8Array, b: Int8Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}
