// AssemblyScript, built by `npm run build:wasm`: the kernels of inverted lists. Every kernel works on a `Search`, whose addresses and
// sizes lists/probe-kernels.ts writes. A block has 32 entries: for each nibble 16 bytes, of which low halves belong to the entries 0 to
// 15 and high halves to 16 to 31; then the next block, its rows, the addresses of its cells of vectors, and those of low planes.
// Loads with constant indices would be faster for masks that are constants, but V8 makes a constant anew wherever it is used: they are loaded.

import { products } from './shared/products';
import { CHUNK, Search, SLICE, WINDOW } from './probe/search';

export { checksum } from './probe/checksum';
export { gather, refine, select, settle, weed } from './probe/candidates';
export { tabulate, quantiseTables } from './probe/tables';

/**
 * Ranks every list by the closeness of its centroid, and by `slack` times what its vectors lie farther from it than usual; `nextTop` becomes
 * the best. Lists past the last one have a bias of -Infinity.
 */
export function scoreLists(s: Search): void {
  const queryScale = f64x2.splat(s.queryScale);
  const slack = f64x2.splat(s.slack);
  let top = f64x2.splat(-Infinity);
  const stride = s.stride;
  const query = s.query;
  let codes: usize = s.listCodes;
  let scales: usize = s.listScales;
  let biases: usize = s.listBiases;
  const usual = f64x2.splat(s.usualReach);
  const least = f64x2.splat(s.usualReach * -0.5);
  let reaches: usize = s.listReaches;
  let ranks: usize = s.ranks;
  for (let list: u32 = 0; list < s.lists; list += 4) {
    const four = products(query, stride, codes, codes + stride, codes + 2 * stride, codes + 3 * stride);
    const first = f64x2.mul(f64x2.mul(f64x2.convert_low_i32x4_s(four), v128.load(scales)), queryScale);
    const last = f64x2.mul(f64x2.mul(f64x2.convert_low_i32x4_s(i64x2.shuffle(four, four, 1, 1)), v128.load(scales, 16)), queryScale);
    const firstRanks = f64x2.add(f64x2.add(first, v128.load(biases)), f64x2.mul(further(v128.load(reaches), usual, least), slack));
    const lastRanks = f64x2.add(f64x2.add(last, v128.load(biases, 16)), f64x2.mul(further(v128.load(reaches, 16), usual, least), slack));
    v128.store(ranks, firstRanks);
    v128.store(ranks, lastRanks, 16);
    top = f64x2.pmax(top, f64x2.pmax(firstRanks, lastRanks));
    codes += 4 * stride;
    scales += 32;
    biases += 32;
    reaches += 32;
    ranks += 32;
  }
  s.nextTop = max(f64x2.extract_lane(top, 0), f64x2.extract_lane(top, 1));
}

/**
 * Opens the window of the lists whose ranks lie less than `WINDOW` units of the scan behind the best one that was in none yet. `nextTop`
 * becomes the best of those left, -Infinity when none is.
 */
export function openWindow(s: Search): void {
  s.top = s.nextTop;
  measureDepths(s);
  memory.fill(s.keys, 0, s.keyCount * 4);
  s.slice = 0;
  s.ordered = 0;
  s.need = 0;
  s.atLeast = 0;
  s.start = s.found;
}

/**
 * Orders the next slice of the window that has lists, the best first, by counting: position and depth of each in a word. Mostly, the first
 * slice is all that is probed, and has few of the lists. False when none is left.
 */
function orderSlice(s: Search): bool {
  const counts: usize = s.sliceCounts;
  s.ordered = 0;
  while (s.slice < WINDOW && s.ordered == 0) {
    memory.fill(counts, 0, (SLICE + 1) * 4);
    countSlice(s.depths, s.lists, s.slice, counts);
    let ordered: u32 = 0;
    for (let count = counts, end = counts + SLICE * 4; count <= end; count += 4) {
      ordered += load<u32>(count);
      store<u32>(count, ordered);
    }
    placeSlice(s.depths, s.lists, s.slice, counts, s.order);
    s.ordered = ordered;
    s.slice += SLICE;
  }
  return s.ordered > 0;
}

/** Counts the lists of each depth of the slice that begins at `slice`, one position later. */
function countSlice(depths: usize, lists: u32, slice: u32, counts: usize): void {
  for (let list: u32 = 0; list < lists; list += 4) {
    let near = inSlice(depths + list * 4, slice);
    for (; near != 0; near &= near - 1) {
      const count = counts + (load<u32>(depths + (list + ctz(near)) * 4) - slice) * 4;
      store<u32>(count, load<u32>(count, 4) + 1, 4);
    }
  }
}

function placeSlice(depths: usize, lists: u32, slice: u32, counts: usize, order: usize): void {
  for (let first: u32 = 0; first < lists; first += 4) {
    let near = inSlice(depths + first * 4, slice);
    for (; near != 0; near &= near - 1) {
      const list = first + ctz(near);
      const depth = load<u32>(depths + list * 4);
      const count = counts + (depth - slice) * 4;
      const place = load<u32>(count);
      store<u32>(count, place + 1);
      store<u32>(order + place * 4, list * WINDOW + depth);
    }
  }
}

/** Which of four depths lie in the slice, a bit each. */
function inSlice(depths: usize, slice: u32): i32 {
  return i32x4.bitmask(i32x4.lt_u(i32x4.sub(v128.load(depths), i32x4.splat(slice)), i32x4.splat(SLICE)));
}

/** Writes how far each list lies behind the best one left, in whole units; `WINDOW` if it is that far, or was ordered before. */
function measureDepths(s: Search): void {
  const top = f64x2.splat(s.top);
  const inverse = f64x2.splat(s.inverse);
  const limit = f64x2.splat(<f64>WINDOW);
  // Adding it rounds, and leaves the whole number in the low bits.
  const whole = f64x2.splat(4503599627370496);
  let next = f64x2.splat(-Infinity);
  let rank: usize = s.ranks;
  const end: usize = s.depths + s.lists * 4;
  for (let depth: usize = s.depths; depth < end; depth += 16) {
    const a = v128.load(rank);
    const b = v128.load(rank, 16);
    const depthA = f64x2.mul(f64x2.sub(top, a), inverse);
    const depthB = f64x2.mul(f64x2.sub(top, b), inverse);
    // What lies above the best one left was ordered before. No number is neither.
    const isNearA = v128.and(f64x2.le(a, top), f64x2.lt(depthA, f64x2.splat(<f64>WINDOW - 0.5)));
    const isNearB = v128.and(f64x2.le(b, top), f64x2.lt(depthB, f64x2.splat(<f64>WINDOW - 0.5)));
    const wholeA = f64x2.add(v128.bitselect(depthA, limit, isNearA), whole);
    const wholeB = f64x2.add(v128.bitselect(depthB, limit, isNearB), whole);
    v128.store(depth, i32x4.shuffle(wholeA, wholeB, 0, 2, 4, 6));
    next = f64x2.pmax(next, v128.bitselect(f64x2.splat(-Infinity), a, v128.or(isNearA, f64x2.gt(a, top))));
    next = f64x2.pmax(next, v128.bitselect(f64x2.splat(-Infinity), b, v128.or(isNearB, f64x2.gt(b, top))));
    rank += 32;
  }
  s.nextTop = max(f64x2.extract_lane(next, 0), f64x2.extract_lane(next, 1));
}

/**
 * Scans the lists of the window, from position `from` of the current slice on. Returns the position of the first one that has entries but
 * is not resident; -1 once all are scanned, or the next one's entries would have to gain more than `stop`.
 */
export function probe(s: Search, from: u32): i32 {
  let place = from;
  do {
    for (; place < s.ordered; place++) {
      if (place % LISTS_AHEAD == 0) touchLists(s, place);
      const word = load<u32>(s.order + place * 4);
      const list = word / WINDOW;
      const rank: i32 = WINDOW - 1 - (word % WINDOW);
      if (s.need > 0 && s.need - rank > s.stop) return -1;
      const entries = load<u32>(s.listCounts + list * 4);
      if (entries == 0) continue;
      const first = load<u32>(s.listFirsts + list * 4);
      if (first == 0) return place;
      store<u32>(s.listUsed + list * 4, s.tick);
      s.listsProbed += 1;
      s.codesScanned += entries;
      const base = baseOf(s, list);
      if (s.nibbles <= CHUNK) scanShort(s, first, entries, base);
      else scanLong(s, first, entries, base);
    }
    place = 0;
  } while (orderSlice(s));
  return -1;
}

/** Lists whose memory is asked for at once: as many as a core has cache misses under way. */
const LISTS_AHEAD: u32 = 8;
const MEMORY_PAGE: usize = 4096;

/**
 * Reads a byte where each of the next lists begins and wherever its blocks enter a page, if they lie in a row: what follows is fetched by
 * the core itself. These misses would else come one after another, and here they overlap.
 */
function touchLists(s: Search, from: u32): void {
  const end = min(s.ordered, from + LISTS_AHEAD);
  const memoryEnd: usize = (<usize>memory.size()) << 16;
  let touched: u32 = 0;
  for (let place = from; place < end; place++) {
    const list = load<u32>(s.order + place * 4) / WINDOW;
    const first: usize = load<u32>(s.listFirsts + list * 4);
    if (first == 0) continue;
    const last = min(memoryEnd, first + ((load<u32>(s.listCounts + list * 4) + 31) / 32) * s.blockBytes);
    for (let at = first; at < last; at = (at | (MEMORY_PAGE - 1)) + 1) touched += load<u8>(at);
  }
  s.touched = touched;
}

/** By how much some lists reach further than usual: at most as much again, at least half as far. */
function further(reaches: v128, usual: v128, least: v128): v128 {
  return f64x2.pmax(f64x2.pmin(f64x2.sub(reaches, usual), usual), least);
}

/** Where the keys of a list begin: those of entries that equal its centroid. */
function baseOf(s: Search, list: u32): i32 {
  const reach = v128.load64_splat(s.listReaches + list * 8);
  const more = f64x2.extract_lane(further(reach, f64x2.splat(s.usualReach), f64x2.splat(s.usualReach * -0.5)), 0);
  const base = load<f64>(s.ranks + list * 8) - more * s.slack;
  return WINDOW - 1 - <i32>nearest((s.top - base) * s.inverse);
}

function lookUp(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indices);
  return i8x16.swizzle(table, indices);
}

/** Entries of up to 64 nibbles: their sums saturate at 8 bits. */
function scanShort(s: Search, first: usize, entries: i32, base: i32): void {
  const nibbleMask = v128.load(s.nibbleMask);
  const tables: usize = s.tables;
  const codesBytes: usize = s.nibbles * 16;
  const hits: usize = s.hits;
  let block = first;
  while (entries > 0) {
    const needed = s.need > 0 ? s.need - base : -128;
    if (needed > 127) return;
    const least = i8x16.splat(<i8>max(-128, needed));
    let hit = hits;
    do {
      let low = i8x16.splat(0);
      let high = low;
      let table = tables;
      let at = block;
      const end = block + codesBytes;
      do {
        const codes = v128.load(at);
        const entry = v128.load(table);
        low = i8x16.add_sat_s(low, lookUp(entry, v128.and(codes, nibbleMask)));
        high = i8x16.add_sat_s(high, lookUp(entry, v128.and(i16x8.shr_u(codes, 4), nibbleMask)));
        at += 16;
        table += 16;
      } while (at < end);
      v128.store(hit, low, HIT_SUMS);
      v128.store(hit, high, HIT_SUMS + 16);
      const which = i8x16.bitmask(i8x16.ge_s(low, least)) | (i8x16.bitmask(i8x16.ge_s(high, least)) << 16);
      hit = noteHits(hit, block, which, entries);
      entries -= 32;
      block = load<u32>(end);
    } while (entries > 0 && hit < hits + HITS_BYTES);
    takeHits(s, hit, base, false);
  }
}

/** Entries of more nibbles: chunks of 64, each saturating at 8 bits, are summed in 16 bits. */
function scanLong(s: Search, first: usize, entries: i32, base: i32): void {
  const nibbleMask = v128.load(s.nibbleMask);
  const codesBytes: usize = s.nibbles * 16;
  const hits: usize = s.hits;
  let block = first;
  while (entries > 0) {
    // No sum leaves 16 bits: at most 4,098 nibbles make 65 chunks.
    const least = i16x8.splat(s.need > 0 ? <i16>max(-32768, min(32767, s.need - base)) : -32768);
    let hit = hits;
    do {
      let a = i16x8.splat(0);
      let b = a;
      let c = a;
      let d = a;
      let table: usize = s.tables;
      let at = block;
      const end = block + codesBytes;
      do {
        let low = i8x16.splat(0);
        let high = low;
        const chunkEnd = min(end, at + CHUNK * 16);
        do {
          const codes = v128.load(at);
          const entry = v128.load(table);
          low = i8x16.add_sat_s(low, lookUp(entry, v128.and(codes, nibbleMask)));
          high = i8x16.add_sat_s(high, lookUp(entry, v128.and(i16x8.shr_u(codes, 4), nibbleMask)));
          at += 16;
          table += 16;
        } while (at < chunkEnd);
        a = i16x8.add(a, i16x8.extend_low_i8x16_s(low));
        b = i16x8.add(b, i16x8.extend_high_i8x16_s(low));
        c = i16x8.add(c, i16x8.extend_low_i8x16_s(high));
        d = i16x8.add(d, i16x8.extend_high_i8x16_s(high));
      } while (at < end);
      v128.store(hit, a, HIT_SUMS);
      v128.store(hit, b, HIT_SUMS + 16);
      v128.store(hit, c, HIT_SUMS + 32);
      v128.store(hit, d, HIT_SUMS + 48);
      let which: u32 = i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.ge_s(a, least), i16x8.ge_s(b, least)));
      which |= i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.ge_s(c, least), i16x8.ge_s(d, least))) << 16;
      hit = noteHits(hit, block, which, entries);
      entries -= 32;
      block = load<u32>(end);
    } while (entries > 0 && hit < hits + HITS_BYTES);
    takeHits(s, hit, base, true);
  }
}

// A block that has hits until they are taken: its address, a bit for each hit, and its sums. The scan writes one for every block and goes
// on to the next place only if there are any: a branch would be guessed wrong too often.
const HIT_SUMS: usize = 16;
const HIT_BYTES: usize = 80;
const BLOCKS_MAX: usize = 4;
const HITS_BYTES: usize = BLOCKS_MAX * HIT_BYTES;

function noteHits(hit: usize, block: usize, which: u32, entries: i32): usize {
  const hits = which & (0xffffffff >> max(0, 32 - entries));
  store<u32>(hit, block);
  store<u32>(hit, hits, 4);
  return hit + select<usize>(HIT_BYTES, 0, hits != 0);
}

/** Takes the hits up to `end` whose rows are allowed as candidates. Keys below the window count as its lower end. */
function takeHits(s: Search, end: usize, base: i32, isWide: bool): void {
  if (s.found + BLOCKS_MAX * 32 > s.candidatesMax) compact(s);
  const before = s.found;
  const candidates: usize = s.candidates;
  const keys: usize = s.keys;
  let found = before;
  for (let hit: usize = s.hits; hit < end; hit += HIT_BYTES) {
    const block: usize = load<u32>(hit);
    const rows = block + s.rowsAt;
    let hits = load<u32>(hit, 4);
    do {
      const entry: u32 = ctz(hits);
      hits &= hits - 1;
      const row = load<u32>(rows + entry * 4);
      const page = row >> 19;
      if (page >= s.bitmapPages) continue;
      const bits = load<u32>(s.bitmap + page * 4);
      if (bits == 0) continue;
      const isAllowed = (load<u32>(bits + ((row & 0x7ffff) >> 5) * 4) >> (row & 31)) & 1;
      const sum = isWide ? <i32>load<i16>(hit + entry * 2, HIT_SUMS) : <i32>load<i8>(hit + entry, HIT_SUMS);
      const key = max(0, base + sum);
      const candidate = candidates + found * 8;
      store<u32>(candidate, key);
      // Blocks lie at multiples of 64.
      store<u32>(candidate, block | entry, 4);
      const count = keys + key * 4;
      store<u32>(count, load<u32>(count) + isAllowed);
      found += isAllowed;
    } while (hits != 0);
  }
  s.found = found;
  raiseNeed(s, found - before);
}

/** Once the goal is reached, only better keys are needed. */
function raiseNeed(s: Search, more: u32): void {
  let atLeast = s.atLeast + more;
  const goal = s.goal - s.start;
  let need = s.need;
  for (; atLeast >= goal; need++) atLeast -= load<u32>(s.keys + need * 4);
  s.need = need;
  s.atLeast = atLeast;
}

/**
 * Keeps the `goal` best candidates by their keys, equal ones in the order they were found, which is preserved. Candidates before `start`
 * are of lists so much better that they stay in any case.
 */
export function compact(s: Search): void {
  if (s.need == 0) return;
  // With those whose key is one less than needed, the goal was reached.
  let ties = s.goal - s.start - s.atLeast;
  const need = s.need;
  let kept = s.candidates + s.start * 8;
  const end = s.candidates + s.found * 8;
  // Without a branch, which would be guessed wrong too often.
  for (let at = kept; at < end; at += 8) {
    const candidate = load<u64>(at);
    const key: i32 = <i32>(<u32>candidate);
    const isTied = u32(key == need - 1) & u32(ties > 0);
    ties -= isTied;
    store<u64>(kept, candidate);
    kept += (u32(key >= need) | isTied) * 8;
  }
  s.found = (kept - s.candidates) / 8;
}
