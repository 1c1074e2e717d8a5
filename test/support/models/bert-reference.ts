import type { BertShape, Matrix, Weights } from './bert-weights.ts';

type Row = number[];

/** The hidden states of a BERT encoder for one text without padding, or the logits of its head, in plain loops of doubles. */
export function bertReference(shape: BertShape, weights: Weights, ids: readonly number[], types: readonly number[]): Row[] {
  const matrix = (name: string): Matrix => weights.get(name)!;
  const rowOf = (name: string, row: number): Row => {
    const { columns, values } = matrix(name);
    return [...values.subarray(row * columns, (row + 1) * columns)];
  };
  const linear = (name: string, input: Row): Row => {
    const { rows, columns, values } = matrix(name);
    const bias = rowOf(`${name}.bias`, 0);
    return Array.from({ length: columns }, (_, c) => {
      let sum = bias[c]!;
      for (let r = 0; r < rows; r += 1) sum += input[r]! * values[r * columns + c]!;
      return sum;
    });
  };
  const norm = (name: string, input: Row): Row => {
    const mean = input.reduce((sum, x) => sum + x, 0) / input.length;
    const variance = input.reduce((sum, x) => sum + (x - mean) ** 2, 0) / input.length;
    const [scale, bias] = [rowOf(`${name}.scale`, 0), rowOf(`${name}.bias`, 0)];
    return input.map((x, i) => ((x - mean) / Math.sqrt(variance + 1e-12)) * scale[i]! + bias[i]!);
  };
  const plus = (a: Row, b: Row): Row => a.map((x, i) => x + b[i]!);

  let states = ids.map((id, i) => norm('norm', plus(plus(rowOf('words', id), rowOf('types', types[i]!)), rowOf('positions', i))));
  const width = shape.hidden / shape.heads;
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const [queries, keys, values] = ['query', 'key', 'value'].map((part) =>
      states.map((state) => linear(`layer.${layer}.${part}`, state)),
    ) as [Row[], Row[], Row[]];
    const context = states.map((_, i) =>
      Array.from({ length: shape.hidden }, (_unused, d) => {
        const start = Math.floor(d / width) * width;
        const dots = keys.map((key) => {
          let dot = 0;
          for (let k = start; k < start + width; k += 1) dot += queries[i]![k]! * key[k]!;
          return Math.exp(dot / Math.sqrt(width));
        });
        const total = dots.reduce((sum, x) => sum + x, 0);
        return dots.reduce((sum, x, j) => sum + (x / total) * values[j]![d]!, 0);
      }),
    );
    states = states.map((state, i) => {
      const middle = norm(`layer.${layer}.attention.norm`, plus(linear(`layer.${layer}.output`, context[i]!), state));
      const gelu = linear(`layer.${layer}.up`, middle).map((x) => 0.5 * x * (1 + erf(x / Math.SQRT2)));
      return norm(`layer.${layer}.norm`, plus(linear(`layer.${layer}.down`, gelu), middle));
    });
  }
  return shape.labels === undefined ? states : [linear('head', states[0]!)];
}

/** By its series, which is exact to the last digits for the numbers of such a network. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n += 1) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
