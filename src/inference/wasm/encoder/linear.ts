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
function block(a: usize, rowFacts: usize, inputs: u32, panel: usize, out: usize, outBytes: usize): void {
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
  const end = a + inputs;
  const b = inputs;
  const c = 2 * inputs;
  for (; a < end; a += 4) {
    const w0 = v128.load(panel);
    const w1 = v128.load(panel, 16);
    const w2 = v128.load(panel, 32);
    const w3 = v128.load(panel, 48);
    panel += 64;
    const x = v128.load32_splat(a);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, x, a0);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, x, a1);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, x, a2);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, x, a3);
    const y = v128.load32_splat(a + b);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, y, b0);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, y, b1);
    b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, y, b2);
    b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, y, b3);
    const z = v128.load32_splat(a + c);
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, z, c0);
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, z, c1);
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, z, c2);
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, z, c3);
  }
  writeRow(a0, a1, a2, a3, rowFacts, panel, out);
  writeRow(b0, b1, b2, b3, rowFacts + ROW_FACTS, panel, out + outBytes);
  writeRow(c0, c1, c2, c3, rowFacts + 2 * ROW_FACTS, panel, out + 2 * outBytes);
}

function writeRow(s0: v128, s1: v128, s2: v128, s3: v128, rowFacts: usize, facts: usize, out: usize): void {
  Sums.write(s0, rowFacts, facts, out);
  Sums.write(s1, rowFacts, facts + 16, out + 16);
  Sums.write(s2, rowFacts, facts + 32, out + 32);
  Sums.write(s3, rowFacts, facts + 48, out + 48);
}

/** 3 rows by 8 columns, those from `column * 4` bytes on in the panel, widened to 16 bits: sums of two inputs each, in two lanes a column. */
function halfBlock(a: usize, rowFacts: usize, inputs: u32, panel: usize, column: usize, out: usize, outBytes: usize): void {
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
  const end = a + inputs;
  const b = inputs;
  const c = 2 * inputs;
  let weights = panel + column;
  for (; a < end; a += 4) {
    const w0 = v128.load8x8_s(weights);
    const w1 = v128.load8x8_s(weights, 8);
    const w2 = v128.load8x8_s(weights, 16);
    const w3 = v128.load8x8_s(weights, 24);
    weights += 64;
    const x = i16x8.extend_low_i8x16_u(v128.load32_splat(a));
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w0, x));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w1, x));
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w2, x));
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w3, x));
    const y = i16x8.extend_low_i8x16_u(v128.load32_splat(a + b));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w0, y));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w1, y));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w2, y));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w3, y));
    const z = i16x8.extend_low_i8x16_u(v128.load32_splat(a + c));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w0, z));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w1, z));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w2, z));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w3, z));
  }
  const facts = panel + inputs * 16 + column;
  const to = out + column;
  writeHalf(a0, a1, a2, a3, rowFacts, facts, to);
  writeHalf(b0, b1, b2, b3, rowFacts + ROW_FACTS, facts, to + outBytes);
  writeHalf(c0, c1, c2, c3, rowFacts + 2 * ROW_FACTS, facts, to + 2 * outBytes);
}

function writeHalf(s0: v128, s1: v128, s2: v128, s3: v128, rowFacts: usize, facts: usize, out: usize): void {
  Sums.write(Sums.paired(s0, s1), rowFacts, facts, out);
  Sums.write(Sums.paired(s2, s3), rowFacts, facts + 16, out + 16);
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

  /** Sums of four columns from those of two lanes each. */
  @inline
  static paired(a: v128, b: v128): v128 {
    return i32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7));
  }
}
