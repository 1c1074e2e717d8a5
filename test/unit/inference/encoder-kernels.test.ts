import { describe, expect, it } from 'vitest';

import { EncoderMemory } from '../../../src/inference/encoder/encoder-kernels.ts';
import { panelBytes } from '../../../src/inference/encoder/encoder-layout.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { relaxedEncoderModule, strictEncoderModule } from '../../support/models/encoder-modules.ts';

const MODULES = [strictEncoderModule, ...(relaxedEncoderModule === undefined ? [] : [relaxedEncoderModule])];

// Addresses of a scratch memory.
const ROWS = 0x1_0000;
const CODES = 0x8_0000;
const FACTS = 0xc_0000;
const PANELS = 0x10_0000;
const OUT = 0x30_0000;
const SCRATCH = 0x40_0000;
const BYTES = 0x50_0000;

const memoryOf = (module: WebAssembly.Module) => new EncoderMemory(module, BYTES);

/** A row of codes as it was written: [rows / 3][columns / 4][3][4], and its facts. */
function codesOf({ buffer }: EncoderMemory, row: number, columns: number): { scale: number; zero: number; codes: number[] } {
  const bytes = new Uint8Array(buffer, CODES);
  const facts = new DataView(buffer, FACTS + row * 32);
  const codes = Array.from({ length: columns }, (_, i) => {
    const at = Math.floor(row / 3) * 3 * columns + Math.floor(i / 4) * 12 + (row % 3) * 4 + (i % 4);
    return bytes[at]!;
  });
  expect(Math.max(...codes)).toBeLessThanOrEqual(127);
  for (const at of [16, 24]) {
    const place = facts.getUint32(at, true);
    const factors = [facts.getInt16(at + 4, true), facts.getInt16(at + 6, true)];
    const isUpper = factors[1] !== 0;
    const column = (place >> 6) * 4 + (isUpper ? 2 : 0) + ((place & 63) === 8 ? 0 : 1);
    codes[column]! += factors[isUpper ? 1 : 0]!;
  }
  return { scale: facts.getFloat32(0, true), zero: facts.getInt32(4, true), codes };
}

const random = new Seeded(11);
const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

const ROW_KINDS: Record<string, (columns: number) => number[]> = {
  'as any': (columns) => Array.from({ length: columns }, normal),
  'with one number far off': (columns) => Array.from({ length: columns }, (_, i) => (i === columns - 1 ? -300 : normal())),
  'with two, side by side': (columns) => Array.from({ length: columns }, (_, i) => (i === 6 || i === 7 ? 55 : normal())),
  'with four, of which two are as any': (columns) => Array.from({ length: columns }, (_, i) => (i < 4 ? 20 : normal())),
  'all the same': (columns) => Array.from({ length: columns }, () => 0.25),
  'all positive': (columns) => Array.from({ length: columns }, () => 3 + random.next()),
  'all 0': (columns) => Array.from({ length: columns }, () => 0),
  'all 0 but one': (columns) => Array.from({ length: columns }, (_, i) => (i === 5 ? -7 : 0)),
  'all 0 but the first': (columns) => Array.from({ length: columns }, (_, i) => (i === 0 ? 9 : 0)),
  'far apart': (columns) => Array.from({ length: columns }, (_, i) => (i === 2 ? 1e6 : 1e-3 * normal())),
};

describe.each(MODULES.map((module, i) => [i === 0 ? 'strict' : 'relaxed', module] as const))('kernels, %s', (_, module) => {
  it.each(Object.entries(ROW_KINDS))('[M132] codes are within half a step, and steps leave out the two largest: %s', (__, make) => {
    const memory = memoryOf(module);
    const columns = 48;
    const rows = Array.from({ length: 4 }, () => Float32Array.from(make(columns)));
    for (const [row, values] of rows.entries()) memory.floats(ROWS + row * columns * 4, columns).set(values);
    memory.run.quantise(ROWS, rows.length, columns, 0, CODES, FACTS);
    for (const [row, values] of rows.entries()) {
      const { scale, zero, codes } = codesOf(memory, row, columns);
      const sorted = [...values].toSorted((a, b) => Math.abs(b) - Math.abs(a));
      const others = [0, ...sorted.slice(2)];
      const finest = Math.max((Math.max(...others) - Math.min(...others)) / 127, Math.abs(sorted[0]!) / 32_000);
      expect(scale).toBeCloseTo(finest, 6);
      for (const [i, x] of values.entries()) expect(Math.abs(scale * (codes[i]! - zero) - x)).toBeLessThanOrEqual(scale * 0.501 + 1e-6);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 20])('[M132] products of %i rows are those of their codes, to the rounding of float32', (count) => {
    const memory = memoryOf(module);
    const [inputs, outputs] = [80, 48];
    const rows = Array.from({ length: count }, (__, i) => Float32Array.from(Object.values(ROW_KINDS)[i % 10]!(inputs)));
    for (const [row, values] of rows.entries()) memory.floats(ROWS + row * inputs * 4, inputs).set(values);
    const columns = Array.from({ length: outputs }, () => ({
      codes: Int8Array.from({ length: inputs }, () => Math.floor(random.next() * 256) - 128),
      scale: Math.fround(0.01 + random.next() / 50),
      zero: Math.floor(random.next() * 256) - 128,
      bias: Math.fround(normal()),
    }));
    for (const [output, { codes, scale, zero, bias }] of columns.entries()) {
      new Int8Array(memory.buffer, SCRATCH, inputs).set(codes);
      const panel = PANELS + Math.floor(output / 16) * panelBytes(inputs);
      memory.run.packColumn(SCRATCH, inputs, output % 16, panel, scale, zero, bias);
    }
    memory.floats(OUT, (count + 3) * outputs).fill(Number.NaN);
    memory.run.quantise(ROWS, count, inputs, 0, CODES, FACTS);
    memory.run.multiply(CODES, FACTS, count, inputs, PANELS, outputs, OUT);
    const answers = memory.floats(OUT, (count + 3) * outputs);
    for (let row = 0; row < count; row += 1) {
      const { scale: rowScale, zero: rowZero, codes } = codesOf(memory, row, inputs);
      for (const [output, { codes: weights, scale, zero, bias }] of columns.entries()) {
        const sum = codes.reduce((total, code, i) => total + (code - rowZero) * (weights[i]! - zero), 0);
        const expected = Math.fround(Math.fround(Math.fround(sum) * Math.fround(rowScale * scale)) + bias);
        expect(answers[row * outputs + output], `row ${row}, column ${output}`).toBe(expected);
      }
    }
    expect(
      answers.subarray((count + 2) * outputs).every((x) => Number.isNaN(x)),
      'at most two rows beyond',
    ).toBe(true);
  });

  it('[M132] activations are within 5e-5 of what they stand for', () => {
    const memory = memoryOf(module);
    const values = Float32Array.from({ length: 4_000 }, (__, i) => (i - 2_000) / 200);
    const expected = {
      1: (x: number) => x * shareBelow(x),
      2: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044_715 * x ** 3))),
      3: (x: number) => Math.max(0, x),
    };
    for (const [kind, of] of Object.entries(expected)) {
      memory.floats(ROWS, values.length).set(values);
      memory.run.quantise(ROWS, 1, values.length, Number(kind), CODES, FACTS);
      const answers = memory.floats(ROWS, values.length);
      for (const [i, x] of values.entries()) expect(Math.abs(answers[i]! - of(x)), `${kind} of ${x}`).toBeLessThan(5e-5);
    }
  });

  it.each([1, 2, 5, 8, 9, 16, 17, 33])('[M132] attention of %i tokens is softmax of their products', (tokens) => {
    const memory = memoryOf(module);
    const [hidden, heads] = [64, 2];
    const size = hidden / heads;
    const states = memory.floats(ROWS, tokens * 3 * hidden);
    for (let i = 0; i < states.length; i += 1) states[i] = normal();
    memory.floats(OUT, (tokens + 3) * hidden).fill(Number.NaN);
    for (let head = 0; head < heads; head += 1)
      for (let first = 0; first < tokens; first += 6)
        memory.run.attend(ROWS + head * size * 4, tokens, hidden, size, first, Math.min(tokens, first + 6), SCRATCH, OUT + head * size * 4);
    const answers = memory.floats(OUT, (tokens + 1) * hidden);
    const at = (token: number, part: number, column: number) => states[token * 3 * hidden + part * hidden + column]!;
    for (let token = 0; token < tokens; token += 1)
      for (let column = 0; column < hidden; column += 1) {
        const first = Math.floor(column / size) * size;
        const powers = Array.from({ length: tokens }, (__, other) => {
          let dot = 0;
          for (let d = first; d < first + size; d += 1) dot += at(token, 0, d) * at(other, 1, d);
          return Math.exp(dot / Math.sqrt(size));
        });
        const total = powers.reduce((sum, power) => sum + power, 0);
        const expected = powers.reduce((sum, power, other) => sum + (power / total) * at(other, 2, column), 0);
        expect(Math.abs(answers[token * hidden + column]! - expected)).toBeLessThan(2e-3);
      }
    expect(
      answers.subarray(tokens * hidden).every((x) => Number.isNaN(x)),
      'no row beyond the last',
    ).toBe(true);
  });

  it('[M132] attention is finite where logits are far apart', () => {
    const memory = memoryOf(module);
    memory.floats(ROWS, 3 * 3 * 32).set(Array.from({ length: 288 }, (__, i) => (i % 2 === 0 ? 4e3 : -4e3)));
    for (const at of [0, 64]) memory.run.attend(ROWS + at, 3, 32, 16, 0, 3, SCRATCH, OUT + at);
    expect(memory.floats(OUT, 96).every((x) => Number.isFinite(x))).toBe(true);
  });

  it('[M132] rows are added and normalised', () => {
    const memory = memoryOf(module);
    const columns = 32;
    const [rows, more, gain, bias] = Array.from({ length: 4 }, () => Float32Array.from({ length: columns }, normal)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    for (const [i, values] of [rows, more, gain, bias].entries()) memory.floats(ROWS + i * 0x1000, columns).set(values);
    memory.run.addAndNormalise(ROWS, ROWS + 0x1000, 1, columns, ROWS + 0x2000, ROWS + 0x3000, 1e-5);
    const sum = [...rows].map((x, i) => x + more[i]!);
    const mean = sum.reduce((total, x) => total + x, 0) / columns;
    const variance = sum.reduce((total, x) => total + (x - mean) ** 2, 0) / columns;
    for (const [i, x] of sum.entries())
      expect(memory.floats(ROWS, columns)[i]).toBeCloseTo(((x - mean) / Math.sqrt(variance + 1e-5)) * gain[i]! + bias[i]!, 5);
  });
});

/** Of a normal distribution below `x`, by Simpson's rule. */
function shareBelow(x: number): number {
  const steps = 400;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < steps; i += 1) sum += (i % 2 === 1 ? 4 : 2) * density((x * i) / steps);
  return 0.5 + (sum * x) / steps / 3;
}
