import { Seeded } from '../../../src/kernel/seeded.ts';

/** Shape of a BERT-like encoder. */
export interface BertShape {
  readonly vocabulary: number;
  readonly hidden: number;
  readonly heads: number;
  readonly layers: number;
  readonly inner: number;
  readonly positions: number;
  /** Columns of a classification head on the first token; none for an encoder. */
  readonly labels?: number;
}

export const SMALL_BERT: BertShape = { vocabulary: 64, hidden: 16, heads: 2, layers: 2, inner: 32, positions: 64 };

/** The smallest that the encoder engine has code for: heads of 16. */
export const SMALL_ENGINE_BERT: BertShape = { ...SMALL_BERT, hidden: 32, inner: 64 };

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array<ArrayBuffer>;
}

export type Weights = ReadonlyMap<string, Matrix>;

/** Weights by the names that the graph calls them, the same for the same seed. Vectors are matrices of one row. */
export function bertWeights(shape: BertShape, seed: number): Weights {
  const rng = new Seeded(seed);
  const weights = new Map<string, Matrix>();
  const add = (name: string, rows: number, columns: number, around = 0, spread = 0.4) =>
    weights.set(name, {
      rows,
      columns,
      values: Float32Array.from({ length: rows * columns }, () => around + spread * (2 * rng.next() - 1)),
    });
  const { hidden, inner } = shape;
  add('words', shape.vocabulary, hidden, 0, 1);
  add('positions', shape.positions, hidden);
  add('types', 2, hidden);
  const norm = (name: string) => {
    add(`${name}.scale`, 1, hidden, 1, 0.1);
    add(`${name}.bias`, 1, hidden, 0, 0.1);
  };
  norm('norm');
  for (let layer = 0; layer < shape.layers; layer += 1) {
    for (const part of ['query', 'key', 'value', 'output']) {
      add(`layer.${layer}.${part}`, hidden, hidden);
      add(`layer.${layer}.${part}.bias`, 1, hidden, 0, 0.1);
    }
    norm(`layer.${layer}.attention.norm`);
    add(`layer.${layer}.up`, hidden, inner);
    add(`layer.${layer}.up.bias`, 1, inner, 0, 0.1);
    add(`layer.${layer}.down`, inner, hidden);
    add(`layer.${layer}.down.bias`, 1, hidden, 0, 0.1);
    norm(`layer.${layer}.norm`);
  }
  if (shape.labels !== undefined) {
    add('head', hidden, shape.labels);
    add('head.bias', 1, shape.labels, 0, 0.1);
  }
  return weights;
}
