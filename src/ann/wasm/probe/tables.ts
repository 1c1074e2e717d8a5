import { CHUNK, Search } from './search';

/**
 * Writes for each subspace the products of the query's part with the 16 codewords, and takes the mean off every table, those of biases
 * included, which lie behind already. Returns the largest variance that the sum of a chunk of tables has over random codes.
 */
export function tabulate(s: Search, query: usize, codebook: usize, subspaces: u32, subspaceDimensions: u32): f64 {
  let out: usize = s.raw;
  for (let subspace: u32 = 0; subspace < subspaces; subspace++) {
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    for (let dimension: u32 = 0; dimension < subspaceDimensions; dimension++) {
      const value = v128.load32_splat(query);
      a = f32x4.add(a, f32x4.mul(value, v128.load(codebook)));
      b = f32x4.add(b, f32x4.mul(value, v128.load(codebook, 16)));
      c = f32x4.add(c, f32x4.mul(value, v128.load(codebook, 32)));
      d = f32x4.add(d, f32x4.mul(value, v128.load(codebook, 48)));
      codebook += 64;
      query += 4;
    }
    v128.store(out, a);
    v128.store(out, b, 16);
    v128.store(out, c, 32);
    v128.store(out, d, 48);
    out += 64;
  }
  return centre(s.raw, s.nibbles) / 16;
}

function centre(table: usize, count: u32): f64 {
  let largest = 0.0;
  let chunk = 0.0;
  for (let i: u32 = 0; i < count; i++) {
    const mean = f32x4.splat(sum(v128.load(table), v128.load(table, 16), v128.load(table, 32), v128.load(table, 48)) * 0.0625);
    const a = f32x4.sub(v128.load(table), mean);
    const b = f32x4.sub(v128.load(table, 16), mean);
    const c = f32x4.sub(v128.load(table, 32), mean);
    const d = f32x4.sub(v128.load(table, 48), mean);
    v128.store(table, a);
    v128.store(table, b, 16);
    v128.store(table, c, 32);
    v128.store(table, d, 48);
    if (i % CHUNK == 0) chunk = 0;
    chunk += <f64>sum(f32x4.mul(a, a), f32x4.mul(b, b), f32x4.mul(c, c), f32x4.mul(d, d));
    largest = max(largest, chunk);
    table += 64;
  }
  return largest;
}

function sum(a: v128, b: v128, c: v128, d: v128): f32 {
  const lanes = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  return f32x4.extract_lane(lanes, 0) + f32x4.extract_lane(lanes, 1) + (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3));
}

/** Writes the tables in units of the scan, as int8, saturating. */
export function quantiseTables(s: Search, inverse: f32): void {
  const factor = f32x4.splat(inverse);
  let raw: usize = s.raw;
  const end: usize = s.tables + s.nibbles * 16;
  for (let table: usize = s.tables; table < end; table += 16) {
    const ab = i16x8.narrow_i32x4_s(units(raw, factor), units(raw + 16, factor));
    const cd = i16x8.narrow_i32x4_s(units(raw + 32, factor), units(raw + 48, factor));
    v128.store(table, i8x16.narrow_i16x8_s(ab, cd));
    raw += 64;
  }
}

function units(raw: usize, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(raw), factor)));
}
