import { BIASES, PANEL_FACTS, SCALES, SUMS, ZEROS } from './panel';
import { ROW_FACTS } from './quantise';
import { block, lastBlock } from './relaxed-blocks';
import { halfBlock } from './strict-block';

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
      if (ASC_FEATURE_RELAXED_SIMD) {
        if (rows - row > 2) block(at, rowFacts, inputs, panels, to, outBytes);
        else lastBlock(at, rowFacts, inputs, panels, to, outBytes);
      } else {
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
