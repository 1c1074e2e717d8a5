import { activate } from './activation';
import { Lanes, ROUNDER } from './lanes';

/** Codes of activations go to here: a product of 8 by 7 bits is exact on every platform. */
const CODE_MAX: f32 = 127;

/** Facts of a row of codes: float32 scale, int32 zero point, int32 sum of what the codes are beyond it. */
export const ROW_FACTS: usize = 16;

/**
 * Writes `rows` of `columns` numbers as codes of 7 bits, each row with a scale and a zero point of its own, so that 0 has a code:
 * [rows / 3][columns / 4][3 rows][4 columns], as `multiply` takes them. Before that, an activation is applied to them in place (`kind` of activation.ts).
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
  const end = from + columns * 4;
  let least = f32x4.splat(0);
  let most = least;
  let least2 = least;
  let most2 = least;
  for (let at = from; at < end; at += 32) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    least = f32x4.pmin(least, a);
    most = f32x4.pmax(most, a);
    least2 = f32x4.pmin(least2, b);
    most2 = f32x4.pmax(most2, b);
  }
  least = f32x4.pmin(least, least2);
  most = f32x4.pmax(most, most2);
  least = f32x4.pmin(least, i64x2.shuffle(least, least, 1, 0));
  most = f32x4.pmax(most, i64x2.shuffle(most, most, 1, 0));
  const low = min(f32x4.extract_lane(least, 0), f32x4.extract_lane(least, 1));
  const high = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  const range = high - low;
  const inverse: f32 = range > 0 ? CODE_MAX / range : 0;
  const zero = Lanes.whole(-low * inverse);
  const factor = f32x4.splat(inverse);
  const offset = f32x4.splat(<f32>zero + ROUNDER);
  let sums = i32x4.splat(0);
  for (let at = from; at < end; at += 64) {
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
  const sum = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  store<f32>(facts, range / CODE_MAX);
  store<i32>(facts, zero, 4);
  store<i32>(facts, sum - zero * <i32>columns, 8);
}
