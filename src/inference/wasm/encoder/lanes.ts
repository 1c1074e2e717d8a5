/** Adding it to a float32 rounds to a whole number, and leaves that in the low bits. */
export const ROUNDER: f32 = 12582912;
const ROUNDER_BITS: i32 = 0x4b400000;

/** Arithmetic of four numbers, which becomes part of what calls it. */
export class Lanes {
  /** e^x of four numbers of at most 0; the polynomial of Cephes' expf, which is within 2 units in the last place. Below -87 it stays there. */
  @inline
  static exp(exponents: v128): v128 {
    const x = f32x4.pmax(exponents, f32x4.splat(-87));
    const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(ROUNDER));
    const n = f32x4.sub(shifted, f32x4.splat(ROUNDER));
    const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
    let sum = f32x4.splat(1.98756915e-4);
    sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1.3981999507e-3));
    sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(8.3334519073e-3));
    sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(4.1665795894e-2));
    sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1.6666665459e-1));
    sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(5.0000001201e-1));
    sum = f32x4.add(f32x4.add(f32x4.mul(sum, f32x4.mul(r, r)), r), f32x4.splat(1));
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
