import { ROW_FACTS } from './quantise';

// A matrix is kept in panels of 16 columns: codes [inputs / 4][16 columns][4 inputs], and then the facts of the columns, 16 of each:
// float32 scale, int32 zero point, int32 sum of the codes, float32 bias.
const PANEL_FACTS: usize = 256;
const SCALES: usize = 0;
const ZEROS: usize = 64;
const SUMS: usize = 128;
const BIASES: usize = 192;

/** Writes a column of `inputs` codes, scale, zero point and bias into its panel. */
export function packColumn(codes: usize, inputs: u32, column: u32, panel: usize, scale: f32, zero: i32, bias: f32): void {
  let to = panel + column * 4;
  let sum: i32 = 0;
  for (const end = codes + inputs; codes < end; codes += 4) {
    const four = load<u32>(codes);
    store<u32>(to, four);
    sum += <i32>(<i8>four) + <i32>(<i8>(four >> 8)) + <i32>(<i8>(four >> 16)) + (<i32>four >> 24);
    to += 64;
  }
  const facts = panel + inputs * 16 + column * 4;
  store<f32>(facts, scale, SCALES);
  store<i32>(facts, zero, ZEROS);
  store<i32>(facts, sum, SUMS);
  store<f32>(facts, bias, BIASES);
}

/**
 * Multiplies `rows` of `inputs` codes, whose facts are those of quantise.ts, by `columns` of panels. Writes rows of float32, and up to two more
 * behind them. Sums are of whole numbers, and so the same on every platform.
 */
export function multiply(codes: usize, facts: usize, rows: u32, inputs: u32, panels: usize, columns: u32, out: usize): void {
  const outBytes = columns * 4;
  const panelBytes = inputs * 16 + PANEL_FACTS;
  for (let column: u32 = 0; column < columns; column += 16) {
    let at = codes;
    let to = out + column * 4;
    let rowFacts = facts;
    for (let row: u32 = 0; row < rows; row += 3) {
      if (ASC_FEATURE_RELAXED_SIMD) block(at, rowFacts, inputs, panels, to, outBytes);
      else {
        halfBlock(at, rowFacts, inputs, panels, 0, to, outBytes);
        halfBlock(at, rowFacts, inputs, panels, 32, to, outBytes);
      }
      at += 3 * inputs;
      to += 3 * outBytes;
      rowFacts += 3 * ROW_FACTS;
    }
    panels += panelBytes;
  }
}

/** 3 rows by 16 columns: as many sums as there are registers for. */
function block(codes: usize, rowFacts: usize, inputs: u32, weights: usize, out: usize, outBytes: usize): void {
  let panel = weights;
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  let w = a0;
  let x = a0;
  let y = a0;
  let z = a0;
  for (const end = codes + 3 * inputs; codes < end; codes += 48) {
    x = v128.load32_splat(codes);
    y = v128.load32_splat(codes, 4);
    z = v128.load32_splat(codes, 8);
    w = v128.load(panel);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a0);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b0);
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c0);
    w = v128.load(panel, 16);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a1);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b1);
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c1);
    w = v128.load(panel, 32);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a2);
    b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b2);
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c2);
    w = v128.load(panel, 48);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a3);
    b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b3);
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c3);
    x = v128.load32_splat(codes, 12);
    y = v128.load32_splat(codes, 16);
    z = v128.load32_splat(codes, 20);
    w = v128.load(panel, 64);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a0);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b0);
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c0);
    w = v128.load(panel, 80);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a1);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b1);
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c1);
    w = v128.load(panel, 96);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a2);
    b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b2);
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c2);
    w = v128.load(panel, 112);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a3);
    b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b3);
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c3);
    x = v128.load32_splat(codes, 24);
    y = v128.load32_splat(codes, 28);
    z = v128.load32_splat(codes, 32);
    w = v128.load(panel, 128);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a0);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b0);
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c0);
    w = v128.load(panel, 144);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a1);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b1);
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c1);
    w = v128.load(panel, 160);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a2);
    b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b2);
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c2);
    w = v128.load(panel, 176);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a3);
    b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b3);
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c3);
    x = v128.load32_splat(codes, 36);
    y = v128.load32_splat(codes, 40);
    z = v128.load32_splat(codes, 44);
    w = v128.load(panel, 192);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a0);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b0);
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c0);
    w = v128.load(panel, 208);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a1);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b1);
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c1);
    w = v128.load(panel, 224);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a2);
    b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b2);
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c2);
    w = v128.load(panel, 240);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a3);
    b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, b3);
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, c3);
    panel += 256;
  }
  writeRow(a0, a1, a2, a3, rowFacts, weights, panel, out);
  writeRow(b0, b1, b2, b3, rowFacts + ROW_FACTS, weights, panel, out + outBytes);
  writeRow(c0, c1, c2, c3, rowFacts + 2 * ROW_FACTS, weights, panel, out + 2 * outBytes);
}

function writeRow(s0: v128, s1: v128, s2: v128, s3: v128, rowFacts: usize, weights: usize, facts: usize, out: usize): void {
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

/** 3 rows by 8 columns, those from `column * 4` bytes on in the panel, widened to 16 bits: sums of two inputs each, in two lanes a column. */
function halfBlock(codes: usize, rowFacts: usize, inputs: u32, panel: usize, column: usize, out: usize, outBytes: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  let w = a0;
  let x = a0;
  let y = a0;
  let z = a0;
  const start = panel + column;
  let weights = start;
  for (const end = codes + 3 * inputs; codes < end; codes += 48) {
    x = i16x8.extend_low_i8x16_u(v128.load32_splat(codes));
    y = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 4));
    z = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 8));
    w = v128.load8x8_s(weights);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 8);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 16);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 24);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    x = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 12));
    y = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 16));
    z = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 20));
    w = v128.load8x8_s(weights, 64);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 72);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 80);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 88);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    x = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 24));
    y = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 28));
    z = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 32));
    w = v128.load8x8_s(weights, 128);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 136);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 144);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 152);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    x = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 36));
    y = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 40));
    z = i16x8.extend_low_i8x16_u(v128.load32_splat(codes, 44));
    w = v128.load8x8_s(weights, 192);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 200);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 208);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load8x8_s(weights, 216);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    weights += 256;
  }
  const facts = panel + inputs * 16 + column;
  const to = out + column;
  writeHalf(a0, a1, a2, a3, rowFacts, start, facts, to);
  writeHalf(b0, b1, b2, b3, rowFacts + ROW_FACTS, start, facts, to + outBytes);
  writeHalf(c0, c1, c2, c3, rowFacts + 2 * ROW_FACTS, start, facts, to + 2 * outBytes);
}

/** Sums of 8 columns, of two lanes each. */
function writeHalf(s0: v128, s1: v128, s2: v128, s3: v128, rowFacts: usize, weights: usize, facts: usize, out: usize): void {
  const none = i32x4.splat(0);
  writeRow(Sums.paired(s0, s1), Sums.paired(s2, s3), none, none, rowFacts, weights, facts, out);
}

class Sums {
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
