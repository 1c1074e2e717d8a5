import type { OnnxGraph } from '../../onnx/onnx-graph.ts';
import { attentionOf } from './match-attention.ts';
import { matchEmbeddings } from './match-embeddings.ts';
import { linearOf, normIn, normOf, residualOf } from './match-linear.ts';
import type { MatchedEncoder, MatchedLayer } from './matched-encoder.ts';
import { hold, matched, need } from './mismatch.ts';
import { traceGraph } from './trace-graph.ts';
import type { Traced } from './traced-value.ts';
import { isExpression, sameDims } from './traced-value.ts';

/** Sizes of texts that are tried: a graph that only takes one of them, or tells them apart, does not match. Primes, so that no two dimensions are confused. */
const TRIED_TOKENS = [11, 7] as const;

/**
 * The encoder of BERT's shape that an output is, as the hidden states of the last layer. The whole of what the output is computed from has been followed,
 * so nothing else has a part in it. Undefined: it is anything else, and the runtime computes it.
 */
export function matchEncoder(graph: OnnxGraph, output: string): MatchedEncoder | undefined {
  const [first, ...others] = TRIED_TOKENS.map((tokens) => matched(() => matchText(graph, output, tokens)));
  const isSame = others.every((other) => first !== undefined && other !== undefined && factsOf(other) === factsOf(first));
  return isSame ? first : undefined;
}

/** All but bytes: names say which tensors they are, and the same graph has been read. */
const factsOf = (match: MatchedEncoder): string => JSON.stringify(match, (key, value: unknown) => (key === 'stored' ? undefined : value));

function matchText(graph: OnnxGraph, output: string, tokens: number): MatchedEncoder {
  const traced = traceGraph(graph, output, { tokens });
  const last = need(traced.output);
  const layers: LayerMatch[] = [];
  let state = last;
  for (let layer = matched(() => matchLayer(state)); layer !== undefined; layer = matched(() => matchLayer(state))) {
    layers.unshift(layer);
    state = layer.input;
  }
  const norm = normOf(state);
  const embeddings = matchEmbeddings(norm.input, graph, output, traced.absentIds);
  const { heads, activation, inner } = need(layers[0]);
  for (const layer of layers) {
    hold(layer.heads === heads && layer.activation === activation && layer.inner === inner, 'layers of other sizes');
    hold(
      layer.epsilons.every((epsilon) => epsilon === norm.epsilon),
      'norms with another epsilon',
    );
  }
  const hidden = need(last.dims?.[2]);
  hold(sameDims(last.dims, [1, tokens, hidden]) && hidden % heads === 0, 'other than the states of tokens');
  const { words, positions, types = words } = embeddings;
  for (const { columns } of [words, positions, types]) hold(columns === hidden, 'tables of another width');
  const weights = layers.map((layer) => layer.weights);
  return { embeddings, embeddingNorm: norm.norm, layers: weights, heads, hidden, inner, epsilon: norm.epsilon, activation };
}

interface LayerMatch {
  readonly input: Traced;
  readonly weights: MatchedLayer;
  readonly heads: number;
  readonly inner: number;
  readonly activation: MatchedEncoder['activation'];
  readonly epsilons: readonly number[];
}

/** `middle = norm(x + attended(attention(x)))`, and `norm(middle + outer(activation(inner(middle))))`. */
function matchLayer(value: Traced): LayerMatch {
  const output = normOf(value);
  const outer = residualOf(output.input);
  const { input, activation } = activationOf(outer.linear.input);
  const inner = linearOf(input);
  const middle = need(normIn(outer.residual));
  hold(inner.input === outer.residual, 'another input of the inner layer than its residual');
  const attended = residualOf(middle.input);
  const { query, key, value: values, heads } = attentionOf(attended.linear.input);
  for (const part of [query, key, values]) hold(part.input === attended.residual, 'another input of attention than its residual');
  const weights: MatchedLayer = {
    query: query.weights,
    key: key.weights,
    value: values.weights,
    attended: attended.linear.weights,
    attentionNorm: middle.norm,
    inner: inner.weights,
    outer: outer.linear.weights,
    outputNorm: output.norm,
  };
  const epsilons = [output.epsilon, middle.epsilon];
  return { input: attended.residual, weights, heads, inner: need(inner.dims?.[2]), activation, epsilons };
}

function activationOf(value: Traced): { readonly input: Traced; readonly activation: MatchedEncoder['activation'] } {
  if (isExpression(value, 'Relu')) return { input: need(value.inputs[0]), activation: 'relu' };
  hold(isExpression(value, 'Gelu'), 'another activation');
  const gelu = value as Extract<Traced, { kind: 'expression' }>;
  return { input: need(gelu.inputs[0]), activation: gelu.attributes.get('tanh')?.[0] === 1 ? 'gelu-tanh' : 'gelu' };
}
