import { products } from '../shared/products';
import { Search } from './search';

/** References below it are indexes of candidates settled before: no block lies in the first page. */
const SETTLED_MAX: u32 = 65536;

/** Vectors whose memory is asked for at once: as many cache misses as a core has under way. */
const AHEAD: u32 = 16;

/** Makes every allowed entry of a block, which has `entries`, a candidate. Returns the next block. */
export function gather(s: Search, block: usize, entries: u32): u32 {
  const rows = block + s.rowsAt;
  for (let entry: u32 = 0; entry < entries; entry++) {
    const row = load<u32>(rows + entry * 4);
    const page = row >> 19;
    if (page >= s.bitmapPages) continue;
    const bits = load<u32>(s.bitmap + page * 4);
    if (bits == 0 || ((load<u32>(bits + ((row & 0x7ffff) >> 5) * 4) >> (row & 31)) & 1) == 0) continue;
    store<u32>(s.candidates + s.found * 8, block | entry, 4);
    s.found += 1;
  }
  return load<u32>(block + s.nibbles * 16);
}

/**
 * Rescores every candidate by its int8 codes and writes closeness, row, and where its codes are. Nothing of the lists is needed any
 * more for those settled `wholly`, whose address is 0: their low planes are used at once.
 */
export function settle(s: Search, wholly: bool): void {
  locate(s);
  for (let from: u32 = 0; from < s.found; from += AHEAD) {
    const to = min(s.found, from + AHEAD);
    touch(s, from, to);
    for (let i = from; i < to; i += 4) settleFour(s, i, min(4, to - i));
    if (wholly) for (let i = from; i < to; i++) finish(s, i);
  }
}

/** Finds the vectors of all candidates. */
function locate(s: Search): void {
  const rowsAt = s.rowsAt;
  const cellsAt = rowsAt + 128;
  const lowsAt = cellsAt + (128 >> s.cellShift);
  const inCell = (1 << s.cellShift) - 1;
  for (let i: u32 = 0; i < s.found; i++) {
    const reference = load<u32>(s.candidates + i * 8, 4);
    if (reference < SETTLED_MAX) {
      // Candidates keep their order, so none settled before moves onto another that has yet to move.
      store<f64>(s.closeness + i * 8, load<f64>(s.closeness + reference * 8));
      store<u32>(s.rows + i * 4, load<u32>(s.rows + reference * 4));
      store<f32>(s.scales + i * 4, load<f32>(s.scales + reference * 4));
      store<u32>(s.addresses + i * 4, 0);
    } else {
      const block: usize = reference & ~31;
      const entry = reference & 31;
      const cell = (entry >> s.cellShift) * 4;
      store<u32>(s.rows + i * 4, load<u32>(block + rowsAt + entry * 4));
      store<u32>(s.addresses + i * 4, load<u32>(block + cellsAt + cell) + (entry & inCell) * s.record);
      if (s.hasLow) store<u32>(s.lows + i * 4, load<u32>(block + lowsAt + cell) + (entry & inCell) * s.dimensions);
    }
    store<u32>(s.candidates + i * 8, i, 4);
  }
}

/** Reads from every cache line of some vectors, and does nothing else, so that the misses overlap. */
function touch(s: Search, from: u32, to: u32): void {
  const addresses: usize = s.addresses;
  const last = s.record - 1;
  let touched: u32 = 0;
  for (let i = from; i < to; i++) {
    const address = load<u32>(addresses + i * 4);
    for (let at: u32 = 0; at < last; at += 64) touched += load<u8>(address + at);
    touched += load<u8>(address + last);
  }
  s.touched = touched;
}

function settleFour(s: Search, i: u32, count: u32): void {
  const addresses: usize = s.addresses + i * 4;
  // Something to read stands in for what is settled already.
  const spare = s.query;
  const a = load<u32>(addresses) || spare;
  const b = (count > 1 ? load<u32>(addresses, 4) : 0) || spare;
  const c = (count > 2 ? load<u32>(addresses, 8) : 0) || spare;
  const d = (count > 3 ? load<u32>(addresses, 12) : 0) || spare;
  const four = products(s.query, s.stride, a, b, c, d);
  if (a != spare) close(s, i, a, i32x4.extract_lane(four, 0));
  if (b != spare) close(s, i + 1, b, i32x4.extract_lane(four, 1));
  if (c != spare) close(s, i + 2, c, i32x4.extract_lane(four, 2));
  if (d != spare) close(s, i + 3, d, i32x4.extract_lane(four, 3));
}

function close(s: Search, i: u32, address: usize, product: i32): void {
  const stored = load<f32>(address + s.dimensions);
  store<f32>(s.scales + i * 4, stored);
  const scale = <f64>stored;
  let closeness = <f64>product * scale * s.queryScale;
  if (s.isDistance) closeness -= scale * scale * <f64>load<u32>(address + s.dimensions + 4) * 0.5;
  store<f64>(s.closeness + i * 8, closeness);
}

/** Rescores a candidate by both planes, if there are two; its codes contain no more than that. */
function finish(s: Search, i: u32): void {
  const address = load<u32>(s.addresses + i * 4);
  if (address == 0) return;
  store<u32>(s.addresses + i * 4, 0);
  if (!s.hasLow) return;
  const low = load<u32>(s.lows + i * 4);
  const two = products(s.query, s.stride, address, low, address, low);
  const scale = <f64>load<f32>(address + s.dimensions);
  let closeness = (<f64>i32x4.extract_lane(two, 0) + <f64>i32x4.extract_lane(two, 1) / 256) * scale * s.queryScale;
  if (s.isDistance) closeness -= scale * scale * squares(address, low, s.dimensions) * 0.5;
  store<f64>(s.closeness + i * 8, closeness);
}

/** The summed squares of codes + low / 256. */
function squares(codes: usize, low: usize, dimensions: u32): f64 {
  let high: i32 = 0;
  let mixed: i32 = 0;
  let rest: i32 = 0;
  for (let i: u32 = 0; i < dimensions; i++) {
    const a = <i32>load<i8>(codes + i);
    const b = <i32>load<i8>(low + i);
    high += a * a;
    mixed += a * b;
    rest += b * b;
  }
  return <f64>high + <f64>mixed / 128 + <f64>rest / 65536;
}

/**
 * Rescores by both planes every candidate that may belong to the `count` best. The error of a closeness by rounding to int8 has a standard
 * deviation of |q| scale / sqrt(12), for distances with |q - x| instead of |q|: two ends of that many deviations overlap almost never.
 */
export function refine(s: Search, count: u32): void {
  if (!s.hasLow || select(s, count) < count) return;
  const last = load<f64>(s.closeness + load<u32>(s.heap + (count - 1) * 4) * 8);
  for (let i: u32 = 0; i < s.found; i++) {
    const address = load<u32>(s.addresses + i * 4);
    if (address == 0) continue;
    const closeness = load<f64>(s.closeness + i * 8);
    let length = s.queryLength;
    if (s.isDistance) length = sqrt(max(0, length * length - 2 * closeness));
    if (closeness + 2 * length * <f64>load<f32>(s.scales + i * 4) >= last) finish(s, i);
  }
}

/** Writes the indexes of the `count` closest candidates, closest first, equally close ones by their rows. Returns how many there are. */
export function select(s: Search, count: u32): u32 {
  const size = min(count, s.found);
  // A heap of the closest so far, the least close of them at its root.
  for (let i: u32 = 0; i < size; i++) store<u32>(s.heap + i * 4, i);
  for (let i = size / 2; i > 0; i--) sink(s, i - 1, size);
  for (let i = size; i < s.found; i++) {
    if (size == 0 || isBehind(s, i, load<u32>(s.heap))) continue;
    store<u32>(s.heap, i);
    sink(s, 0, size);
  }
  for (let rest = size; rest > 1; rest--) {
    const root = load<u32>(s.heap);
    const last = s.heap + (rest - 1) * 4;
    store<u32>(s.heap, load<u32>(last));
    store<u32>(last, root);
    sink(s, 0, rest - 1);
  }
  return size;
}

function sink(s: Search, from: u32, size: u32): void {
  const heap: usize = s.heap;
  const item = load<u32>(heap + from * 4);
  let at: u32 = from;
  for (;;) {
    let child: u32 = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && isBehind(s, load<u32>(heap + (child + 1) * 4), load<u32>(heap + child * 4))) child += 1;
    if (!isBehind(s, load<u32>(heap + child * 4), item)) break;
    store<u32>(heap + at * 4, load<u32>(heap + child * 4));
    at = child;
  }
  store<u32>(heap + at * 4, item);
}

function isBehind(s: Search, a: u32, b: u32): bool {
  const closenessA = load<f64>(s.closeness + a * 8);
  const closenessB = load<f64>(s.closeness + b * 8);
  if (closenessA != closenessB) return closenessA < closenessB;
  return load<u32>(s.rows + a * 4) > load<u32>(s.rows + b * 4);
}

/**
 * Keeps the candidates whose true closeness may reach `threshold`, in their order: closeness and row, and instead of references how far
 * away the true closeness may be. Returns how many. `lost` and `length` are those of `CodeBounds` in lists/list-search.ts.
 */
export function weed(s: Search, threshold: f64, scaleError: f64, lost: f64, length: f64, queryError: f64, arithmetic: f64): u32 {
  const queryLength = s.queryLength;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < s.found; i++) {
    const closeness = load<f64>(s.closeness + i * 8);
    const scale = <f64>load<f32>(s.scales + i * 4) + scaleError;
    let reach = queryLength;
    if (s.isDistance) reach = sqrt(max(0, queryLength * queryLength - 2 * closeness)) + queryError + scale * lost;
    const error = reach * scale * lost + scale * length * (queryError + arithmetic * (queryLength + scale * length));
    if (closeness + error < threshold) continue;
    store<f64>(s.closeness + kept * 8, closeness);
    store<f64>(s.candidates + kept * 8, error);
    store<u32>(s.rows + kept * 4, load<u32>(s.rows + i * 4));
    kept += 1;
  }
  return kept;
}
