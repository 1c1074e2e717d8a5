import { err, ok } from '../../../kernel/result.ts';
import type { Result } from '../../../kernel/result.ts';
import type { GraphAttribute, GraphNode, GraphTensor, OnnxGraph } from '../graph/onnx-graph.ts';
import { DATA_TYPE, elementCount, floatsOf, nodeOf, tensorOf } from '../graph/onnx-graph.ts';
import type { BertShape } from './bert-shape.ts';

export const BERT_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'] as const;
export const BERT_OUTPUT = 'last_hidden_state';
/** The first operator set with `LayerNormalization`. */
const OPSET = 17;
/** What is added to the scores of padding, so that their weights are zero. */
const FAR = -10_000;

/**
 * The graph of a BERT encoder (Devlin et al. 2019) in standard operators, with its weights by the names that its file gives them: `input_ids`,
 * `attention_mask` and `token_type_ids` (int64, batch x sequence) to `last_hidden_state` (float32, batch x sequence x hidden). What the file has
 * beside the encoder, such as a pooler, is left out. Refuses, with its name, a tensor that is not there or has another shape. [MB20]
 */
export function bertGraph(shape: BertShape, tensors: ReadonlyMap<string, GraphTensor>, frame: unknown): Result<OnnxGraph, string> {
  const builder = new BertGraphBuilder(shape, tensors);
  builder.encoder();
  if (builder.problem !== undefined) return err(builder.problem);
  return ok({
    nodes: builder.nodes,
    tensors: builder.constants,
    inputs: BERT_INPUTS,
    outputs: [BERT_OUTPUT],
    opsets: new Map([['', OPSET]]),
    metadata: new Map(),
    frame,
  });
}

/** A size that a tensor may have; undefined: any. */
type Size = number | undefined;

class BertGraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly constants = new Map<string, GraphTensor>();
  readonly #shape: BertShape;
  readonly #tensors: ReadonlyMap<string, GraphTensor>;
  #problem: string | undefined;

  constructor(shape: BertShape, tensors: ReadonlyMap<string, GraphTensor>) {
    this.#shape = shape;
    this.#tensors = byPlainName(tensors);
  }

  /** The first tensor that is not as the graph needs it. */
  get problem(): string | undefined {
    return this.#problem;
  }

  encoder(): void {
    const { hidden, layers } = this.#shape;
    const table = (name: string) => this.#weights(`embeddings.${name}_embeddings.weight`, [undefined, hidden]);
    const words = this.#op('Gather', [table('word'), 'input_ids'], 'words');
    const types = this.#op('Gather', [table('token_type'), 'token_type_ids'], 'types');
    const length = this.#op('Gather', [this.#op('Shape', ['input_ids'], 'shape'), this.#int64s('one', [1])], 'length', [
      { name: 'axis', int: 0 },
    ]);
    const positions = table('position');
    const count = this.constants.get(positions)?.dims[0] ?? 0;
    const all = this.#int64s(
      'position_ids',
      Array.from({ length: count }, (_, i) => i),
    );
    const places = this.#op('Gather', [positions, this.#op('Slice', [all, this.#int64s('zero', [0]), length], 'position')], 'places');
    const sum = this.#op('Add', [this.#op('Add', [words, types], 'words_types'), places], 'embedded');
    let state = this.#norm(sum, 'embeddings.LayerNorm', 'embeddings');
    const mask = this.#mask();
    for (let layer = 0; layer < layers; layer += 1)
      state = this.#layer(state, mask, layer, layer === layers - 1 ? BERT_OUTPUT : `encoder.layer.${layer}`);
  }

  #mask(): string {
    const float = this.#op('Cast', ['attention_mask'], 'mask', [{ name: 'to', int: DATA_TYPE.float32 }]);
    const wide = this.#op('Unsqueeze', [float, this.#int64s('mask_axes', [1, 2])], 'mask_wide');
    return this.#op('Mul', [this.#op('Sub', [this.#float('unit', 1), wide], 'padding'), this.#float('far', FAR)], 'padding_far');
  }

  #layer(input: string, mask: string, layer: number, output: string): string {
    const { hidden, heads, inner } = this.#shape;
    const at = `encoder.layer.${layer}`;
    const split = this.#int64s('split', [0, 0, heads, hidden / heads]);
    const part = (name: string, perm: readonly number[]): string => {
      const product = this.#linear(input, `${at}.attention.self.${name}`, hidden, hidden);
      return this.#op('Transpose', [this.#op('Reshape', [product, split], `${at}.${name}.split`)], `${at}.${name}.heads`, [
        { name: 'perm', ints: perm },
      ]);
    };
    const [query, key, value] = [part('query', [0, 2, 1, 3]), part('key', [0, 2, 3, 1]), part('value', [0, 2, 1, 3])];
    const root = this.#float('root', Math.sqrt(hidden / heads));
    const scores = this.#op('Div', [this.#op('MatMul', [query, key], `${at}.products`), root], `${at}.scores`);
    const weights = this.#op('Softmax', [this.#op('Add', [scores, mask], `${at}.masked`)], `${at}.weights`, [{ name: 'axis', int: -1 }]);
    const mixed = this.#op('Transpose', [this.#op('MatMul', [weights, value], `${at}.mixed`)], `${at}.merged`, [
      { name: 'perm', ints: [0, 2, 1, 3] },
    ]);
    const joined = this.#op('Reshape', [mixed, this.#int64s('join', [0, 0, hidden])], `${at}.joined`);
    const attended = this.#linear(joined, `${at}.attention.output.dense`, hidden, hidden);
    const middle = this.#norm(this.#op('Add', [attended, input], `${at}.first`), `${at}.attention.output.LayerNorm`, `${at}.middle`);
    const raised = this.#gelu(this.#linear(middle, `${at}.intermediate.dense`, hidden, inner), at);
    const lowered = this.#linear(raised, `${at}.output.dense`, inner, hidden);
    return this.#norm(this.#op('Add', [lowered, middle], `${at}.second`), `${at}.output.LayerNorm`, output);
  }

  /** By the error function, as BERT has it (Hendrycks and Gimpel 2016). */
  #gelu(input: string, at: string): string {
    const erf = this.#op('Erf', [this.#op('Div', [input, this.#float('root_two', Math.SQRT2)], `${at}.over_root`)], `${at}.erf`);
    const twice = this.#op('Mul', [input, this.#op('Add', [erf, this.#float('unit', 1)], `${at}.erf_unit`)], `${at}.gelu_twice`);
    return this.#op('Mul', [twice, this.#float('half', 0.5)], `${at}.gelu`);
  }

  /** The file has a row for each output, the product a column. */
  #linear(input: string, name: string, inputs: number, outputs: number): string {
    const weights = this.#weights(`${name}.weight`, [outputs, inputs], (tensor) => transposed(tensor, outputs, inputs));
    const product = this.#op('MatMul', [input, weights], `${name}.product`);
    return this.#op('Add', [product, this.#weights(`${name}.bias`, [outputs])], `${name}.sum`);
  }

  #norm(input: string, name: string, output: string): string {
    const { hidden, normEpsilon } = this.#shape;
    const parts = [this.#weights(`${name}.weight`, [hidden]), this.#weights(`${name}.bias`, [hidden])];
    const attributes = [
      { name: 'axis', int: -1 },
      { name: 'epsilon', float: normEpsilon },
    ];
    return this.#op('LayerNormalization', [input, ...parts], output, attributes);
  }

  #op(opType: string, inputs: readonly string[], output: string, attributes: readonly GraphAttribute[] = []): string {
    this.nodes.push(nodeOf(opType, inputs, output, { attributes }));
    return output;
  }

  #weights(name: string, sizes: readonly Size[], laidOut = (tensor: GraphTensor) => tensor): string {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) this.#problem ??= `it has no ${name}`;
    else if (tensor.dims.length !== sizes.length || sizes.some((size, i) => size !== undefined && size !== tensor.dims[i]))
      this.#problem ??= `${name} is ${tensor.dims.join(' x ')}, not ${sizes.map((size) => size ?? 'any').join(' x ')} as config.json has it`;
    else this.constants.set(name, laidOut(tensor));
    return name;
  }

  #float(name: string, value: number): string {
    this.constants.set(name, tensorOf(DATA_TYPE.float32, [1], Float32Array.of(value)));
    return name;
  }

  #int64s(name: string, values: readonly number[]): string {
    this.constants.set(name, tensorOf(DATA_TYPE.int64, [values.length], BigInt64Array.from(values, BigInt)));
    return name;
  }
}

/** Names as those of a plain encoder: those of models with a head begin with `bert.`, and old files call the parts of a norm gamma and beta. */
function byPlainName(tensors: ReadonlyMap<string, GraphTensor>): ReadonlyMap<string, GraphTensor> {
  return new Map([...tensors].map(([name, tensor]) => [plainName(name), tensor]));
}

const plainName = (name: string): string =>
  name
    .replace(/^bert\./, '')
    .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/LayerNorm\.beta$/, 'LayerNorm.bias');

function transposed(tensor: GraphTensor, rows: number, columns: number): GraphTensor {
  const values = floatsOf(tensor);
  const turned = new Float32Array(elementCount(tensor.dims));
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) turned[column * rows + row] = values[row * columns + column]!;
  return tensorOf(DATA_TYPE.float32, [columns, rows], turned);
}
