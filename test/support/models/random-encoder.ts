import type { EncoderShape, EncoderSource, LinearSource, NormSource, TableSource } from '../../../src/inference/encoder/encoder-source.ts';
import type { Seeded } from '../../../src/kernel/seeded.ts';

/** Sizes of the smallest encoder that has several of everything. */
export const SMALL_SHAPE: EncoderShape = {
  layers: 3,
  heads: 2,
  hidden: 32,
  inner: 80,
  vocabulary: 50,
  positions: 40,
  types: 2,
  normEpsilon: 1e-12,
  activation: 'gelu',
  firstPosition: 0,
  paddingId: undefined,
};

export interface RandomOptions {
  readonly shape?: Partial<EncoderShape>;
  readonly wordBits?: 4 | 8;
  readonly wordBlock?: number;
  /** Whether zero points of matrices are other than 0. */
  readonly hasZeros?: boolean;
}

export function randomEncoder(
  random: Seeded,
  { shape: sizes, wordBits = 8, wordBlock, hasZeros = true }: RandomOptions = {},
): EncoderSource {
  const shape = { ...SMALL_SHAPE, ...sizes };
  const { hidden, inner } = shape;
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const linear = (inputs: number, outputs: number) => randomLinear(random, { inputs, outputs, hasZeros });
  const norm = (): NormSource => {
    const gain = Float32Array.from({ length: hidden }, () => 1 + 0.2 * normal());
    const bias = Float32Array.from({ length: hidden }, () => 0.1 * normal());
    // As encoders have them: two columns that are far from the others.
    bias[5] = 12;
    gain[10] = 9;
    return { gain, bias };
  };
  const layers = Array.from({ length: shape.layers }, () => ({
    query: linear(hidden, hidden),
    key: linear(hidden, hidden),
    value: linear(hidden, hidden),
    attended: linear(hidden, hidden),
    attentionNorm: norm(),
    inner: linear(hidden, inner),
    outer: linear(inner, hidden),
    outputNorm: norm(),
  }));
  return {
    shape,
    words: randomCodes(random, { rows: shape.vocabulary, columns: hidden, bits: wordBits, block: wordBlock ?? hidden }),
    positionsTable: randomFloats(random, shape.positions, hidden),
    typesTable: randomFloats(random, shape.types, hidden),
    embeddingNorm: norm(),
    layer: (n) => Promise.resolve(layers[n]!),
  };
}

function randomLinear(random: Seeded, { inputs, outputs, hasZeros }: { inputs: number; outputs: number; hasZeros: boolean }): LinearSource {
  const codes = Int8Array.from({ length: inputs * outputs }, () => Math.floor(random.next() * 256) - 128);
  const scales = Float32Array.from({ length: outputs }, () => (0.5 + random.next()) / 64 / Math.sqrt(inputs));
  const zeros = Int8Array.from({ length: outputs }, () => (hasZeros ? Math.floor(random.next() * 41) - 20 : 0));
  return {
    inputs,
    outputs,
    bias: Float32Array.from({ length: outputs }, () => random.next() - 0.5),
    readColumn(output, into) {
      into.set(codes.subarray(output * inputs, (output + 1) * inputs));
      return { scale: scales[output]!, zero: zeros[output]! };
    },
  };
}

interface TableSizes {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  readonly block: number;
}

function randomCodes(random: Seeded, { rows, columns, bits, block }: TableSizes): TableSource {
  const least = bits === 8 ? -128 : 0;
  const codes = Int16Array.from({ length: rows * columns }, () => least + Math.floor(random.next() * 2 ** bits));
  const blocks = columns / block;
  // Of 11 bits, as a float16 has them.
  const scales = Float32Array.from({ length: rows * blocks }, () => (1024 + Math.floor(random.next() * 1024)) / 2 ** (bits + 10));
  const zeros = Float32Array.from({ length: rows * blocks }, () => least + Math.floor(random.next() * 2 ** bits));
  return {
    rows,
    columns,
    bits,
    block,
    // In pieces, as from a file.
    open: (row) => Promise.resolve(Math.min(7, rows - row)),
    readRow(row, into) {
      const own = codes.subarray(row * columns, (row + 1) * columns);
      if (bits === 8) into.codes.set(own);
      else for (let i = 0; i < columns / 2; i += 1) into.codes[i] = own[2 * i]! | (own[2 * i + 1]! << 4);
      into.scales.set(scales.subarray(row * blocks, (row + 1) * blocks));
      into.zeros.set(zeros.subarray(row * blocks, (row + 1) * blocks));
    },
  };
}

function randomFloats(random: Seeded, rows: number, columns: number): TableSource {
  const values = Float32Array.from({ length: rows * columns }, () => random.next() - 0.5);
  return {
    rows,
    columns,
    bits: 32,
    block: columns,
    open: (row) => Promise.resolve(rows - row),
    readRow: (row, into) => into.codes.set(values.subarray(row * columns, (row + 1) * columns)),
  };
}
