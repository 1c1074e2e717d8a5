import type { Matrix } from '../matrix.ts';

/** What a student learns from: texts as token ids of its vocabulary, and the teacher's vector of each. */
export interface TeacherPairs {
  readonly vocabularySize: number;
  readonly texts: readonly Int32Array[];
  readonly dimensions: number;
  readonly vectors: Float32Array;
}

/** What the model that a student starts from knows of each token: a vector of unit length, or zero. */
export interface WordPrior extends Matrix {
  /** How long its vectors are in the base, which weights words by it; absent: not known. */
  readonly lengths?: Float64Array;
}

/** How a student is fitted. */
export interface DistilSettings {
  /** Tokens of a text that count: teachers cut long texts off. */
  readonly tokensMax: number;
  /** The `a` of the word weights a / (a + p), p from the texts learned from. */
  readonly sifA: number;
  /** How far words have the weights that the base gives them, from 0, those of `sifA`, to 1. */
  readonly baseWeights: number;
  /** Weight of the prior: how far words with similar prior vectors share what is learned. */
  readonly prior: number;
  readonly ridge: number;
}

/** Each text as a vector of weighted tokens, and summed up over the prior's vectors; one of them has unit length, as `baseWeights` has it. */
export interface TextFeatures {
  readonly ids: readonly Int32Array[];
  readonly weights: readonly Float64Array[];
  /** One row a text: the sum of its tokens' prior vectors. */
  readonly priors: Matrix;
  /** The sum of a text's weights: what a vector that all tokens share is multiplied by. */
  readonly sums: Float64Array;
  /** Weight of each token; 0 for tokens that neither the texts learned from nor the prior have. */
  readonly tokenWeights: Float64Array;
}

/** Features of all texts, with the weights that the texts `learned` give. `prior` has a unit row, or a zero row, for each token. */
export function textFeatures(
  { texts, vocabularySize }: TeacherPairs,
  learned: readonly number[],
  prior: WordPrior,
  settings: DistilSettings,
): TextFeatures {
  const cut = texts.map((text) => text.subarray(0, settings.tokensMax));
  const tokenWeights = weightsOf(
    learned.map((text) => cut[text]!),
    vocabularySize,
    prior,
    settings,
  );
  const ids: Int32Array[] = [];
  const weights: Float64Array[] = [];
  const priors = { columns: prior.columns, values: new Float64Array(texts.length * prior.columns) };
  const sums = new Float64Array(texts.length);
  cut.forEach((text, row) => {
    const bag = new Map<number, number>();
    for (const id of text) if (tokenWeights[id]! > 0) bag.set(id, (bag.get(id) ?? 0) + tokenWeights[id]!);
    const tokens = Int32Array.from([...bag.keys()].sort((a, b) => a - b));
    const raw = Float64Array.from(tokens, (id) => bag.get(id)!);
    const sum = priorSum(tokens, raw, prior);
    // A base adds up its rows and scales the sum, not the weights, to unit length.
    const length = lengthOf(raw) ** (1 - settings.baseWeights) * (lengthOf(sum) || lengthOf(raw)) ** settings.baseWeights || 1;
    const unit = raw.map((weight) => weight / length);
    priors.values.set(
      sum.map((x) => x / length),
      row * prior.columns,
    );
    ids.push(tokens);
    weights.push(unit);
    sums[row] = unit.reduce((total, weight) => total + weight, 0);
  });
  return { ids, weights, priors, sums, tokenWeights };
}

const lengthOf = (values: Float64Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

/** The tokens' prior vectors, weighted and added up. */
function priorSum(tokens: Int32Array, weights: Float64Array, { columns, values }: Matrix): Float64Array {
  const sum = new Float64Array(columns);
  tokens.forEach((id, at) => {
    for (let d = 0; d < columns; d++) sum[d] = sum[d]! + weights[at]! * values[id * columns + d]!;
  });
  return sum;
}

function weightsOf(
  texts: readonly Int32Array[],
  vocabularySize: number,
  prior: WordPrior,
  { sifA, baseWeights }: DistilSettings,
): Float64Array {
  const counts = new Float64Array(vocabularySize);
  let total = 0;
  for (const text of texts) {
    for (const id of text) {
      counts[id] = counts[id]! + 1;
      total++;
    }
  }
  const lengths = prior.lengths?.filter((length) => length > 0) ?? new Float64Array();
  const usualLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length || 1;
  const weights = counts.map((count, id) => {
    const isKnown = count > 0 || prior.values.subarray(id * prior.columns, (id + 1) * prior.columns).some((x) => x !== 0);
    const ofBase = (prior.lengths?.[id] ?? 0) / usualLength;
    const bySif = sifA / (sifA + count / total);
    if (!isKnown) return 0;
    return ofBase === 0 ? bySif : bySif ** (1 - baseWeights) * ofBase ** baseWeights;
  });
  // Token 0 is the unknown one.
  weights[0] = 0;
  return weights;
}

/** The three parts of the similarity of two texts, before their weights: shared tokens, prior vectors, and what all texts have in common. */
export interface KernelParts {
  readonly tokens: Matrix;
  readonly priors: Matrix;
  readonly common: Matrix;
}

/** The parts of the kernel between the texts `rows`; those of the prior and of what is common have a mean diagonal of 1. */
export function kernelParts(features: TextFeatures, rows: readonly number[], vocabularySize: number): KernelParts {
  const n = rows.length;
  const [tokens, priors, common] = [new Float64Array(n * n), new Float64Array(n * n), new Float64Array(n * n)];
  const dense = new Float64Array(vocabularySize);
  rows.forEach((left, i) => {
    features.ids[left]!.forEach((id, at) => (dense[id] = features.weights[left]![at]!));
    for (let j = 0; j <= i; j++) {
      const right = rows[j]!;
      let dot = 0;
      const [ids, weights] = [features.ids[right]!, features.weights[right]!];
      for (let at = 0; at < ids.length; at++) dot += weights[at]! * dense[ids[at]!]!;
      tokens[i * n + j] = tokens[j * n + i] = dot;
      priors[i * n + j] = priors[j * n + i] = rowProduct(features.priors, left, right);
      common[i * n + j] = common[j * n + i] = features.sums[left]! * features.sums[right]!;
    }
    features.ids[left]!.forEach((id) => (dense[id] = 0));
  });
  return { tokens: { columns: n, values: tokens }, priors: scaled(priors, n), common: scaled(common, n) };
}

function rowProduct({ columns, values }: Matrix, left: number, right: number): number {
  let dot = 0;
  for (let d = 0; d < columns; d++) dot += values[left * columns + d]! * values[right * columns + d]!;
  return dot;
}

function scaled(values: Float64Array, n: number): Matrix {
  const scale = 1 / meanDiagonal(values, n);
  return { columns: n, values: values.map((value) => value * scale) };
}

function meanDiagonal(values: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i * n + i]!;
  return sum / n || 1;
}
