import type {
  EncoderLayerSource,
  EncoderSource,
  LinearSource,
  NormSource,
  TableSource,
} from '../../../src/inference/encoder/encoder-source.ts';

/** What an encoder computes by its weights as they are kept, in plain loops with float activations: the oracle of engines and of readers. */
export class SourceReference {
  readonly #source: EncoderSource;
  readonly #words: Float32Array[];
  readonly #positions: Float32Array[];
  readonly #types: Float32Array[];
  readonly #layers: ReferenceLayer[];

  private constructor(source: EncoderSource, tables: readonly Float32Array[][], layers: ReferenceLayer[]) {
    this.#source = source;
    [this.#words, this.#positions, this.#types] = tables as [Float32Array[], Float32Array[], Float32Array[]];
    this.#layers = layers;
  }

  /** `words`: the ids of the rows that texts will have; absent: all. */
  static async load(source: EncoderSource, words?: ReadonlySet<number>): Promise<SourceReference> {
    const layers: ReferenceLayer[] = [];
    for (let n = 0; n < source.shape.layers; n += 1) layers.push(referenceLayer(await source.layer(n)));
    const tables = [await readTable(source.words, words), await readTable(source.positionsTable), await readTable(source.typesTable)];
    return new SourceReference(source, tables, layers);
  }

  /** Hidden states of one text: `ids.length` x `hidden`. */
  run(ids: readonly number[], types: readonly number[] = ids.map(() => 0)): Float32Array[] {
    const { shape, embeddingNorm } = this.#source;
    let next = shape.firstPosition;
    let states = ids.map((id, i) => {
      const place = id === shape.paddingId ? shape.firstPosition - 1 : next++;
      const sum = plus(plus(this.#words[id]!, this.#positions[place]!), this.#types[types[i]!]!);
      return normalised(sum, embeddingNorm, shape.normEpsilon);
    });
    for (const layer of this.#layers) states = this.#layer(layer, states);
    return states;
  }

  #layer(layer: ReferenceLayer, states: readonly Float32Array[]): Float32Array[] {
    const { heads, hidden, normEpsilon, activation } = this.#source.shape;
    const [queries, keys, values] = [layer.query, layer.key, layer.value].map((part) => states.map((state) => part(state))) as [
      Float32Array[],
      Float32Array[],
      Float32Array[],
    ];
    const width = hidden / heads;
    return states.map((state, i) => {
      const context = new Float32Array(hidden);
      for (let first = 0; first < hidden; first += width) attend(context, first, width, queries[i]!, keys, values);
      const middle = normalised(plus(layer.attended(context), state), layer.attentionNorm, normEpsilon);
      const inner = layer.inner(middle).map((x) => ACTIVATIONS[activation](x));
      return normalised(plus(layer.outer(inner), middle), layer.outputNorm, normEpsilon);
    });
  }
}

type Linear = (x: Float32Array) => Float32Array;

type ReferenceLayer = Record<'query' | 'key' | 'value' | 'attended' | 'inner' | 'outer', Linear> &
  Pick<EncoderLayerSource, 'attentionNorm' | 'outputNorm'>;

const referenceLayer = (layer: EncoderLayerSource): ReferenceLayer => ({
  query: linear(layer.query),
  key: linear(layer.key),
  value: linear(layer.value),
  attended: linear(layer.attended),
  inner: linear(layer.inner),
  outer: linear(layer.outer),
  attentionNorm: layer.attentionNorm,
  outputNorm: layer.outputNorm,
});

function linear(source: LinearSource): Linear {
  const { inputs, outputs, bias } = source;
  const columns = Array.from({ length: outputs }, (_, output) => {
    const codes = new Int8Array(inputs);
    const { scale, zero } = source.readColumn(output, codes);
    return { weights: Float32Array.from(codes, (code) => code - zero), scale };
  });
  return (x) =>
    Float32Array.from(columns, ({ weights, scale }, output) => {
      let sum = 0;
      for (let input = 0; input < inputs; input += 1) sum += x[input]! * weights[input]!;
      return sum * scale + bias[output]!;
    });
}

async function readTable(table: TableSource, wanted?: ReadonlySet<number>): Promise<Float32Array[]> {
  const { rows, columns, bits, block } = table;
  const read: Float32Array[] = [];
  const into = {
    codes: bits === 32 ? new Float32Array(columns) : bits === 8 ? new Int8Array(columns) : new Uint8Array(columns / 2),
    scales: new Float32Array(columns / block),
    zeros: new Float32Array(columns / block),
  };
  for (let row = 0; row < rows;) {
    for (const end = row + (await table.open(row)); row < end; row += 1) {
      if (wanted?.has(row) === false) continue;
      table.readRow(row, into);
      read[row] = Float32Array.from({ length: columns }, (_, column) => {
        const code = bits === 4 ? (into.codes[column >> 1]! >> (4 * (column % 2))) & 15 : into.codes[column]!;
        const at = Math.floor(column / block);
        return bits === 32 ? code : into.scales[at]! * (code - into.zeros[at]!);
      });
    }
  }
  return read;
}

function attend(
  context: Float32Array,
  first: number,
  width: number,
  query: Float32Array,
  keys: readonly Float32Array[],
  values: readonly Float32Array[],
): void {
  const scores = keys.map((key) => {
    let dot = 0;
    for (let d = first; d < first + width; d += 1) dot += query[d]! * key[d]!;
    return dot / Math.sqrt(width);
  });
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  for (const [token, power] of powers.entries())
    for (let d = first; d < first + width; d += 1) context[d]! += (power / total) * values[token]![d]!;
}

const plus = (a: Float32Array, b: Float32Array): Float32Array => a.map((x, i) => x + b[i]!);

function normalised(x: Float32Array, { gain, bias }: NormSource, epsilon: number): Float32Array {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * gain[i]! + bias[i]!);
}

const ACTIVATIONS = {
  gelu: (x: number): number => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  'gelu-tanh': (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044_715 * x ** 3))),
  relu: (x: number): number => Math.max(0, x),
} as const;

/** Numerical Recipes' approximation of erfc, exact to 1.2e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const series = COEFFICIENTS.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  const tail = t * Math.exp(-x * x + series);
  return x >= 0 ? 1 - tail : tail - 1;
}

const COEFFICIENTS = [
  -1.265_512_23, 1.000_023_68, 0.374_091_96, 0.096_784_18, -0.186_288_06, 0.278_868_07, -1.135_203_98, 1.488_515_87, -0.822_152_23,
  0.170_872_77,
];
