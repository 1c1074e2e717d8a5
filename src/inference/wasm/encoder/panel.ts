// A matrix is kept in panels of 16 columns: codes [inputs / 4][16 columns][4 inputs], and then the facts of the columns, 16 of each:
// float32 scale, int32 zero point, int32 sum of the codes, float32 bias.
export const PANEL_FACTS: usize = 256;
export const SCALES: usize = 0;
export const ZEROS: usize = 64;
export const SUMS: usize = 128;
export const BIASES: usize = 192;

/** Writes sums of products of a row as numbers: 16 columns or, in the strict kernels, the first 8. */
export function writeRow(s0: v128, s1: v128, s2: v128, s3: v128, rowFacts: usize, weights: usize, facts: usize, out: usize): void {
  // What the codes of two numbers are beyond 7 bits: each column is in the lower or the upper half of a word of weights, and its factor there.
  const place = load<u32>(rowFacts, 16);
  const place2 = load<u32>(rowFacts, 24);
  const wide = v128.load32_splat(rowFacts, 20);
  const wide2 = v128.load32_splat(rowFacts, 28);
  const at = weights + (place & ~63);
  const at2 = weights + (place2 & ~63);
  s0 = Sums.withWide(Sums.withWide(s0, v128.load(at), place, wide), v128.load(at2), place2, wide2);
  s1 = Sums.withWide(Sums.withWide(s1, v128.load(at, 16), place, wide), v128.load(at2, 16), place2, wide2);
  Sums.write(s0, rowFacts, facts, out);
  Sums.write(s1, rowFacts, facts + 16, out + 16);
  if (ASC_FEATURE_RELAXED_SIMD) {
    s2 = Sums.withWide(Sums.withWide(s2, v128.load(at, 32), place, wide), v128.load(at2, 32), place2, wide2);
    s3 = Sums.withWide(Sums.withWide(s3, v128.load(at, 48), place, wide), v128.load(at2, 48), place2, wide2);
    Sums.write(s2, rowFacts, facts + 32, out + 32);
    Sums.write(s3, rowFacts, facts + 48, out + 48);
  }
}

export class Sums {
  /**
   * Four sums of codes' products as numbers: scale and zero point s, z of the row and t, u of the column make
   * sum of s (a - z) t (w - u) = s t (sum of a w - z sum of w - u sum of (a - z)).
   */
  @inline
  static write(sums: v128, rowFacts: usize, facts: usize, out: usize): void {
    const centred = i32x4.sub(
      i32x4.sub(sums, i32x4.mul(v128.load32_splat(rowFacts, 4), v128.load(facts, SUMS))),
      i32x4.mul(v128.load32_splat(rowFacts, 8), v128.load(facts, ZEROS)),
    );
    const scale = f32x4.mul(v128.load32_splat(rowFacts), v128.load(facts, SCALES));
    v128.store(out, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(centred), scale), v128.load(facts, BIASES)));
  }

  /** Adds the products of one of the codes in each word. */
  @inline
  static withWide(sums: v128, words: v128, place: u32, wide: v128): v128 {
    return i32x4.add(sums, i32x4.dot_i16x8_s(i16x8.shr_s(i16x8.shl(words, place & 63), 8), wide));
  }

  /** Sums of four columns from those of two lanes each. */
  @inline
  static paired(a: v128, b: v128): v128 {
    return i32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7));
  }
}
