import type { OnnxGraph } from '../../onnx/onnx-graph.ts';
import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';
import type { MatchedEmbeddings } from './match-embeddings.ts';
import { matchEmbeddings } from './match-embeddings.ts';
import { addendsOf, isNear, scaledValue } from './terms.ts';
import type { TracedText } from './trace-graph.ts';
import { traceGraph } from './trace-graph.ts';
import type { Expression, Traced, TracedConstant } from './traced-value.ts';
import { isExpression, sameDims } from './traced-value.ts';

/** A product with constant weights, and the vectors that are added to it. */
export interface MatchedLinear {
  /** `inputs` x `outputs`, or turned. */
  readonly codes: OnnxTensor;
  readonly isTransposed: boolean;
  /** Weight = `scale * scales * (code - zeros)`. */
  readonly scale: number;
  readonly scales: NumbersOrTensor | undefined;
  readonly zeros: NumbersOrTensor | undefined;
  readonly biases: readonly OnnxTensor[];
}

export type NumbersOrTensor = { readonly numbers: readonly number[] } | { readonly tensor: OnnxTensor };

export interface MatchedNorm {
  readonly gain: OnnxTensor;
  readonly bias: OnnxTensor;
}

export interface MatchedLayer {
  readonly query: MatchedLinear;
  readonly key: MatchedLinear;
  readonly value: MatchedLinear;
  readonly attended: MatchedLinear;
  readonly attentionNorm: MatchedNorm;
  readonly inner: MatchedLinear;
  readonly outer: MatchedLinear;
  readonly outputNorm: MatchedNorm;
}

/** An encoder of BERT's shape, and where its weights are in the graph. */
export interface MatchedEncoder {
  readonly embeddings: MatchedEmbeddings;
  readonly embeddingNorm: MatchedNorm;
  readonly layers: readonly MatchedLayer[];
  readonly heads: number;
  readonly hidden: number;
  readonly inner: number;
  readonly epsilon: number;
  readonly activation: 'gelu' | 'gelu-tanh' | 'relu';
}

/** Sizes of texts that are tried: a graph that only takes one of them, or tells them apart, does not match. Primes, so that no two dimensions are confused. */
const TRIED_TOKENS = [11, 7] as const;

/**
 * The encoder of BERT's shape that an output is, as the hidden states of the last layer. The whole of what the output is computed from has been followed,
 * so nothing else has a part in it. Undefined: it is anything else, and the runtime computes it.
 */
export function matchEncoder(graph: OnnxGraph, output: string): MatchedEncoder | undefined {
  const [first, ...others] = TRIED_TOKENS.map((tokens) => matchText(graph, output, { tokens }));
  const isSame = others.every((other) => first !== undefined && other !== undefined && factsOf(other) === factsOf(first));
  return isSame ? first : undefined;
}

/** All but tensors, whose names say which they are: the same graph has been read. */
const factsOf = (match: MatchedEncoder): string =>
  JSON.stringify(match, (key, value: unknown) => (key === 'stored' || key === 'ids' ? undefined : value));

function matchText(graph: OnnxGraph, output: string, text: TracedText): MatchedEncoder | undefined {
  const traced = traceGraph(graph, output, text);
  if (traced.output === undefined) return undefined;
  const layers: LayerMatch[] = [];
  let state = traced.output;
  for (;;) {
    const layer = matchLayer(state);
    if (layer === undefined) break;
    layers.unshift(layer);
    state = layer.input;
  }
  const norm = normOf(state);
  const embeddings = norm && matchEmbeddings(norm.input, graph, output, traced.absentIds);
  const [first] = layers;
  const hidden = traced.output.dims?.[2];
  if (norm === undefined || embeddings === undefined || first === undefined || hidden === undefined) return undefined;
  const { heads, activation, innerSize } = first;
  const isOne = layers.every(
    (layer) =>
      layer.heads === heads &&
      layer.activation === activation &&
      layer.innerSize === innerSize &&
      layer.epsilons.every((epsilon) => epsilon === norm.epsilon),
  );
  const { words, positions, types = words } = embeddings;
  const isWide = [words, positions, types].every(({ columns }) => columns === hidden);
  if (!isOne || !isWide || !sameDims(traced.output.dims, [1, text.tokens, hidden]) || hidden % heads !== 0) return undefined;
  return {
    embeddings,
    embeddingNorm: norm.norm,
    layers: layers.map(({ weights }) => weights),
    heads,
    hidden,
    inner: innerSize,
    epsilon: norm.epsilon,
    activation,
  };
}

interface LayerMatch {
  readonly input: Traced;
  readonly weights: MatchedLayer;
  readonly heads: number;
  readonly innerSize: number;
  readonly activation: MatchedEncoder['activation'];
  readonly epsilons: readonly number[];
}

/** `middle = norm(x + attended(attention(x)))`, and `norm(middle + outer(activation(inner(middle))))`. */
function matchLayer(value: Traced): LayerMatch | undefined {
  const output = normOf(value);
  const outer = output && residualOf(output.input);
  const activated = outer && activationOf(outer.linear.input);
  const inner = activated && linearOf(activated.input);
  const middle = outer && normOf(outer.residual);
  const attended = middle && residualOf(middle.input);
  if (output === undefined || outer === undefined || inner === undefined || middle === undefined || attended === undefined)
    return undefined;
  const attention = attentionOf(attended.linear.input);
  const innerSize = inner.dims?.[2];
  const x = attended.residual;
  const isJoined =
    inner.input === outer.residual && [attention?.query, attention?.key, attention?.value].every((part) => part?.input === x);
  if (attention === undefined || activated === undefined || innerSize === undefined || !isJoined) return undefined;
  const weights: MatchedLayer = {
    query: attention.query.weights,
    key: attention.key.weights,
    value: attention.value.weights,
    attended: attended.linear.weights,
    attentionNorm: middle.norm,
    inner: inner.weights,
    outer: outer.linear.weights,
    outputNorm: output.norm,
  };
  return {
    input: x,
    weights,
    heads: attention.heads,
    innerSize,
    activation: activated.activation,
    epsilons: [output.epsilon, middle.epsilon],
  };
}

function normOf(value: Traced): { readonly input: Traced; readonly norm: MatchedNorm; readonly epsilon: number } | undefined {
  if (!isExpression(value, 'Norm')) return undefined;
  const [input, gain, bias] = value.inputs as [Traced, TracedConstant, TracedConstant];
  return { input, norm: { gain: gain.tensor, bias: bias.tensor }, epsilon: value.attributes.get('epsilon')![0]! };
}

interface LinearMatch {
  readonly input: Traced;
  readonly weights: MatchedLinear;
  readonly dims: readonly number[] | undefined;
}

/** A product, and the vectors that are added to it. */
function linearOf(value: Traced): LinearMatch | undefined {
  const found = sumOf(value);
  return found?.others.length === 0 ? found.linear : undefined;
}

/** The same, and one tensor that is added. */
function residualOf(value: Traced): { readonly linear: LinearMatch; readonly residual: Traced } | undefined {
  const found = sumOf(value);
  const [residual] = found?.others ?? [];
  const isOne = found?.others.length === 1 && residual !== undefined && sameDims(residual.dims, found.linear.dims);
  return isOne ? { linear: found.linear, residual } : undefined;
}

function sumOf(value: Traced): { readonly linear: LinearMatch; readonly others: readonly Traced[] } | undefined {
  const addends = addendsOf(value) ?? [];
  const products = addends.filter((addend) => isExpression(addend, 'Product'));
  const [product] = products;
  if (products.length !== 1 || product === undefined) return undefined;
  const outputs = product.dims?.at(-1);
  const biases = addends.flatMap((addend) =>
    addend.kind === 'constant' && addend.dims.length === 1 && addend.dims[0] === outputs ? [addend.tensor] : [],
  );
  const others = addends.filter((addend) => addend !== product && !(addend.kind === 'constant' && biases.includes(addend.tensor)));
  const [input, codes, scales, zeros] = product.inputs as [Traced, TracedConstant, Traced | undefined, Traced | undefined];
  const weights: MatchedLinear = {
    codes: codes.tensor,
    isTransposed: product.attributes.get('transposed')?.[0] === 1,
    scale: product.attributes.get('scale')![0]!,
    scales: numbersOrTensor(scales),
    zeros: numbersOrTensor(zeros),
    biases,
  };
  return { linear: { input, weights, dims: product.dims }, others };
}

const numbersOrTensor = (value: Traced | undefined): NumbersOrTensor | undefined =>
  value?.kind === 'numbers' ? { numbers: value.numbers } : value?.kind === 'constant' ? { tensor: value.tensor } : undefined;

function activationOf(value: Traced): { readonly input: Traced; readonly activation: MatchedEncoder['activation'] } | undefined {
  const input = value.kind === 'expression' ? value.inputs[0] : undefined;
  if (input === undefined) return undefined;
  if (isExpression(value, 'Relu')) return { input, activation: 'relu' };
  if (!isExpression(value, 'Gelu')) return undefined;
  return { input, activation: value.attributes.get('tanh')?.[0] === 1 ? 'gelu-tanh' : 'gelu' };
}

interface AttentionMatch {
  readonly query: LinearMatch;
  readonly key: LinearMatch;
  readonly value: LinearMatch;
  readonly heads: number;
}

/** `softmax(query key' / sqrt(width)) value` of each head, its heads put together again. */
function attentionOf(value: Traced): AttentionMatch | undefined {
  const joined = isExpression(value, 'Reshape') ? value.inputs[0] : undefined;
  const context = isTransposed(joined, HEADS_FIRST) ? joined.inputs[0] : undefined;
  if (!isExpression(context, 'MatMul')) return undefined;
  const [weights, valueHeads] = context.inputs;
  const values = headsOf(valueHeads, HEADS_FIRST);
  const scores = isExpression(weights, 'Softmax') ? scaledValue(weights.inputs[0]!) : undefined;
  if (values === undefined || scores === undefined || !isExpression(scores.value, 'MatMul')) return undefined;
  const [queries, keys] = [headsOf(scores.value.inputs[0], HEADS_FIRST), headsOf(scores.value.inputs[1], KEYS)];
  if (queries === undefined || keys === undefined) return undefined;
  const { heads, width } = values;
  const isOne = [queries, keys].every((part) => part.heads === heads && part.width === width);
  const isScaled = isNear(scores.scale * queries.scale * keys.scale, 1 / Math.sqrt(width)) && values.scale === 1;
  if (!isOne || !isScaled || !sameDims(value.dims, values.linear.dims)) return undefined;
  return { query: queries.linear, key: keys.linear, value: values.linear, heads };
}

const HEADS_FIRST = [0, 2, 1, 3];
const KEYS = [0, 2, 3, 1];

const isTransposed = (value: Traced | undefined, perm: readonly number[]): value is Expression =>
  isExpression(value, 'Transpose') && value.attributes.get('perm')?.join() === perm.join();

interface Heads {
  readonly linear: LinearMatch;
  readonly heads: number;
  readonly width: number;
  readonly scale: number;
}

/** A linear layer whose outputs are cut into heads and turned, and which a number may multiply at any of these steps. */
function headsOf(value: Traced | undefined, wanted: readonly number[]): Heads | undefined {
  let scale = 1;
  let perm = [0, 1, 2, 3];
  for (let next = value, steps = 0; next !== undefined && steps < STEPS_MAX; steps += 1) {
    const scaled = scaledValue(next);
    if (scaled === undefined) return undefined;
    scale *= scaled.scale;
    const inner = scaled.value;
    if (isExpression(inner, 'Transpose')) {
      const turned = inner.attributes.get('perm') ?? [];
      if (turned.length !== 4) return undefined;
      perm = perm.map((axis) => turned[axis]!);
      next = inner.inputs[0];
    } else if (isExpression(inner, 'Reshape')) {
      const linear = scaledValue(inner.inputs[0]!);
      const match = linear && linearOf(linear.value);
      const [rows, tokens, heads, width] = inner.dims ?? [];
      const isSplit = heads !== undefined && width !== undefined && sameDims(match?.dims, [rows!, tokens!, heads * width]);
      if (linear === undefined || match === undefined || !isSplit || perm.join() !== wanted.join()) return undefined;
      return { linear: match, heads, width, scale: scale * linear.scale };
    } else return undefined;
  }
  return undefined;
}

const STEPS_MAX = 6;
