import { activate } from './activation';
import { Lanes, ROUNDER } from './lanes';

/** Codes of activations go to here: a product of 8 by 7 bits is exact on every platform. */
const CODE_MAX: f32 = 127;
/** What a code and what is beyond it come to at most: a product of 8 by 16 bits. */
const WIDE_MAX: f32 = 32000;

/** Numbers of a row that have codes of 16 bits. */
const WIDE: u32 = 2;

/**
 * Facts of a row of codes: float32 scale, int32 zero point, int32 sum of what the codes are beyond it; at 16, for each of the two numbers that
 * are largest, 8 bytes as `multiply` uses them: where the weights of its column lie in a panel, plus 8 for an even column, and in the
 * lower or the upper half of a word what its code is beyond the 7 bits that stand in the row.
 */
export const ROW_FACTS: usize = 32;

/**
 * Writes `rows` of `columns` numbers as codes of 7 bits, each row with a scale and a zero point of its own, so that 0 has a code:
 * [rows / 3][columns / 4][3 rows][4 columns], as `multiply` takes them. Rows of encoders have one or two numbers that are far larger than all
 * others: these have codes of 16 bits, and the others the finer steps that they need. Before that, an activation is applied in place (`kind` of
 * activation.ts).
 */
export function quantise(from: usize, rows: u32, columns: u32, kind: u32, codes: usize, facts: usize): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (kind != 0) activate(from, columns, kind);
    quantiseRow(from, columns, codes, facts);
    from += columns * 4;
    codes += row % 3 == 2 ? 3 * columns - 8 : 4;
    facts += ROW_FACTS;
  }
}

function quantiseRow(from: usize, columns: u32, codes: usize, facts: usize): void {
  const threshold = secondOf(from, columns);
  const range = rangeOf(from, columns, threshold, facts);
  const wide = facts + 16;
  const top = max(abs(load<f32>(from + load<u32>(wide) * 4)), abs(load<f32>(from + load<u32>(wide, 8) * 4)));
  const scale = max(range / CODE_MAX, top / WIDE_MAX);
  const inverse: f32 = scale > 0 ? <f32>1 / scale : 0;
  const zero = Lanes.whole(-load<f32>(facts) * inverse);
  const sum = writeCodes(from, columns, codes, inverse, zero);
  let beyond: i32 = 0;
  for (let i: usize = 0; i < WIDE; i++) beyond += keepWide(from, wide + i * 8, inverse, zero);
  store<f32>(facts, scale);
  store<i32>(facts, zero, 4);
  store<i32>(facts, sum + beyond - zero * <i32>columns, 8);
}

/** The second largest magnitude of a row, more than 0. */
function secondOf(from: usize, columns: u32): f32 {
  let first = f32x4.splat(0);
  let second = first;
  for (let at = from, end = from + columns * 4; at < end; at += 64) {
    const a = f32x4.abs(v128.load(at));
    const b = f32x4.abs(v128.load(at, 16));
    const c = f32x4.abs(v128.load(at, 32));
    const d = f32x4.abs(v128.load(at, 48));
    const ab = f32x4.pmax(a, b);
    const cd = f32x4.pmax(c, d);
    // The second of the four, then of them and those before.
    const next = f32x4.pmax(f32x4.pmax(f32x4.pmin(a, b), f32x4.pmin(c, d)), f32x4.pmin(ab, cd));
    const top = f32x4.pmax(ab, cd);
    second = f32x4.pmax(f32x4.pmax(second, next), f32x4.pmin(first, top));
    first = f32x4.pmax(first, top);
  }
  let turned = i64x2.shuffle(first, first, 1, 0);
  second = f32x4.pmax(f32x4.pmin(first, turned), f32x4.pmax(second, i64x2.shuffle(second, second, 1, 0)));
  first = f32x4.pmax(first, turned);
  turned = i32x4.shuffle(first, first, 1, 0, 3, 2);
  second = f32x4.pmax(f32x4.pmin(first, turned), f32x4.pmax(second, i32x4.shuffle(second, second, 1, 0, 3, 2)));
  return max<f32>(f32x4.extract_lane(second, 0), 1e-30);
}

/**
 * The range of a row with 0, but for the first two numbers of at least `threshold`: their places are written to `facts`, and the lower
 * end of the range.
 */
function rangeOf(from: usize, columns: u32, threshold: f32, facts: usize): f32 {
  store<u32>(facts, 0, 16);
  const limit = f32x4.splat(threshold);
  let least = f32x4.splat(0);
  let most = least;
  let low: f32 = 0;
  let high: f32 = 0;
  let found: u32 = 0;
  for (let column: u32 = 0; column < columns; column += 16) {
    const at = from + column * 4;
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const farA = f32x4.ge(f32x4.abs(a), limit);
    const farB = f32x4.ge(f32x4.abs(b), limit);
    const farC = f32x4.ge(f32x4.abs(c), limit);
    const farD = f32x4.ge(f32x4.abs(d), limit);
    const nearA = v128.andnot(a, farA);
    const nearB = v128.andnot(b, farB);
    const nearC = v128.andnot(c, farC);
    const nearD = v128.andnot(d, farD);
    least = f32x4.pmin(least, f32x4.pmin(f32x4.pmin(nearA, nearB), f32x4.pmin(nearC, nearD)));
    most = f32x4.pmax(most, f32x4.pmax(f32x4.pmax(nearA, nearB), f32x4.pmax(nearC, nearD)));
    const isFar = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(farA, farB), i16x8.narrow_i32x4_s(farC, farD));
    for (let which = i8x16.bitmask(isFar); which != 0; which &= which - 1) {
      const place = column + ctz(which);
      if (found < WIDE) store<u32>(facts + found * 8, place, 16);
      else {
        // As large as the second.
        low = min(low, load<f32>(from + place * 4));
        high = max(high, load<f32>(from + place * 4));
      }
      found += 1;
    }
  }
  // A row with fewer has zeros elsewhere.
  if (found < WIDE) store<u32>(facts, load<u32>(facts, 16) == 0 ? 1 : 0, 24);
  low = min(low, -Lanes.max(f32x4.neg(least)));
  high = max(high, Lanes.max(most));
  store<f32>(facts, low);
  return high - low;
}

/** Writes codes, those out of range as its ends; returns their sum. */
function writeCodes(from: usize, columns: u32, codes: usize, inverse: f32, zero: i32): i32 {
  const factor = f32x4.splat(inverse);
  const offset = f32x4.splat(<f32>zero + ROUNDER);
  let sums = i32x4.splat(0);
  for (let at = from, end = from + columns * 4; at < end; at += 64) {
    const sixteen = i8x16.min_u(
      i8x16.narrow_i16x8_u(
        i16x8.narrow_i32x4_s(Lanes.codes(v128.load(at), factor, offset), Lanes.codes(v128.load(at, 16), factor, offset)),
        i16x8.narrow_i32x4_s(Lanes.codes(v128.load(at, 32), factor, offset), Lanes.codes(v128.load(at, 48), factor, offset)),
      ),
      i8x16.splat(<i8>CODE_MAX),
    );
    v128.store32_lane(codes, sixteen, 0);
    v128.store32_lane(codes, sixteen, 1, 12);
    v128.store32_lane(codes, sixteen, 2, 24);
    v128.store32_lane(codes, sixteen, 3, 36);
    codes += 48;
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(sixteen)));
  }
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
}

/** Makes of the place of a number what `multiply` uses of it; returns what its code is beyond 7 bits. */
function keepWide(from: usize, wide: usize, inverse: f32, zero: i32): i32 {
  const place = load<u32>(wide);
  const code = Lanes.whole(load<f32>(from + place * 4) * inverse + <f32>zero);
  const beyond = code - max(0, min(<i32>CODE_MAX, code));
  store<u32>(wide, (place / 4) * 64 + (place & 1 ? 0 : 8));
  store<u32>(wide, place & 2 ? beyond << 16 : beyond & 0xffff, 4);
  return beyond;
}
