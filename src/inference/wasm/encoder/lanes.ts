/** Adding it to a float32 rounds to a whole number, and leaves that in the low bits. */
export const ROUNDER: f32 = 12582912;
const ROUNDER_BITS: i32 = 0x4b400000;

// V8 makes a constant anew wherever it is used, in several instructions; a load takes one.
const EXP = memory.data<f32>([-87, ROUNDER, 1.44269504, 0.693147181, 0.0415138247, 0.167874758, 0.50003014, 0.999966834, 1]);

/** Arithmetic of four numbers, which becomes part of what calls it. */
export class Lanes {
  /** e^x of four numbers from -87 to 0, within 3 millionths of it: e^r by a minimax polynomial, times a power of 2. Below, as of -87. */
  @inline
  static exp(exponents: v128): v128 {
    const x = f32x4.pmax(exponents, v128.load32_splat(EXP));
    const rounder = v128.load32_splat(EXP, 4);
    const shifted = f32x4.add(f32x4.mul(x, v128.load32_splat(EXP, 8)), rounder);
    const r = f32x4.sub(x, f32x4.mul(f32x4.sub(shifted, rounder), v128.load32_splat(EXP, 12)));
    let sum = f32x4.add(f32x4.mul(v128.load32_splat(EXP, 16), r), v128.load32_splat(EXP, 20));
    sum = f32x4.add(f32x4.mul(sum, r), v128.load32_splat(EXP, 24));
    sum = f32x4.add(f32x4.mul(sum, r), v128.load32_splat(EXP, 28));
    sum = f32x4.add(f32x4.mul(sum, r), v128.load32_splat(EXP, 32));
    // The rounder's own bits are shifted out.
    return i32x4.add(sum, i32x4.shl(shifted, 23));
  }

  @inline
  static sum(four: v128): f32 {
    const two = f32x4.add(four, i64x2.shuffle(four, four, 1, 0));
    return f32x4.extract_lane(two, 0) + f32x4.extract_lane(two, 1);
  }

  @inline
  static max(four: v128): f32 {
    const two = f32x4.pmax(four, i64x2.shuffle(four, four, 1, 0));
    return max(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
  }

  /** The whole number next to a float of less than 2^22. */
  @inline
  static whole(x: f32): i32 {
    return reinterpret<i32>(x + ROUNDER) - ROUNDER_BITS;
  }

  /** Whole numbers next to four numbers times `factor`. */
  @inline
  static codes(four: v128, factor: v128, offset: v128): v128 {
    return i32x4.sub(f32x4.add(f32x4.mul(four, factor), offset), i32x4.splat(ROUNDER_BITS));
  }
}
