import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';

import type { GraphTensor } from '../../../src/inference/build/graph/onnx-graph.ts';
import { GraphCost } from '../../../src/inference/onnx/cost/graph-cost.ts';
import { DATA, valueOf } from '../../../src/inference/onnx/cost/graph-value.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import { startGraph } from '../../../workers/builds/graph-session.ts';
import { encodeModel, floats, integers, modelOf, node, port } from '../../support/models/bert-graph.ts';
import { someNumbers } from '../../support/models/operator-cases.ts';

type Node = onnxProto.onnx.INodeProto;
type Tensor = onnxProto.onnx.ITensorProto;

const scalar = (name: string, value: number): Tensor => ({ ...integers(name, [value]), dims: [] });
const floating = (name: string, ...values: number[]) => floats(name, [values.length], Float32Array.from(values));
const { STRING } = onnxProto.onnx.AttributeProto.AttributeType;
const text = (name: string, value: string) => ({ name, type: STRING, s: new TextEncoder().encode(value) });

/** What the rules say of the answers of a graph, beside what the runtime answers. Float inputs of some dimensions are fed, by name. */
async function both(nodes: readonly Node[], constants: readonly Tensor[], fed: Readonly<Record<string, readonly number[]>> = {}) {
  const outputs = nodes.at(-1)?.output ?? [];
  const model = modelOf({
    node: [...nodes],
    initializer: [...constants],
    input: Object.entries(fed).map(([name, dims]) => port(name, DATA.float32, dims)),
    output: outputs.map((name) => ({ name })),
  });
  const file = encodeModel({ ...model, opsetImport: [...(model.opsetImport ?? []), { domain: 'com.microsoft', version: 1 }] });
  const graph = readOnnxGraph(file, []);
  if (!graph.ok) throw new Error(graph.error.message);
  const known = new GraphCost(graph.value).bound(new Map(Object.entries(fed).map(([name, dims]) => [name, valueOf(DATA.float32, dims)])));
  const session = await startGraph(file);
  const made = await session.run(Object.fromEntries(Object.entries(fed).map(([name, dims]) => [name, someNumbers(dims)])));
  await session.close();
  return { known: known.outputs, made: outputs.map((name) => made[name]!) };
}

const numbersIn = ({ dataType, bytes }: GraphTensor): number[] =>
  dataType === DATA.float32 ? [...new Float32Array(bytes.slice().buffer)] : [...new BigInt64Array(bytes.slice().buffer)].map(Number);

const INTEGERS = [integers('a', [7, -7, 0, 12]), integers('b', [2, 3, 5, 12]), integers('two', [2])];
const ofBoth = (...operators: string[]): [string, Node[], Tensor[]][] =>
  operators.map((name) => [name, [node(name, ['a', 'b'], 'y')], INTEGERS]);
/** Which of two lists of numbers each position has: what conditions make of it. */
const chosen = (...conditions: Node[]): Node[] => [...conditions, node('Where', ['y0', 'a', 'b'], 'y')];
const compared = (name: string) => node(name, ['a', 'b'], 'y0');
const SIX = integers('six', [1, 2, 3, 4, 5, 6]);

describe('[M59] the rules about shapes', () => {
  it.each<[string, Node[], Tensor[]]>([
    ...ofBoth('Add', 'Sub', 'Mul', 'Div', 'Mod', 'Min', 'Max'),
    ['Pow by one for all', [node('Pow', ['a', 'two'], 'y')], INTEGERS],
    ['Mod with the sign of the dividend', [node('Mod', ['a', 'b'], 'y', { fmod: 1 })], INTEGERS],
    ['Div of floats', [node('Div', ['f', 'g'], 'y')], [floating('f', 1, -3), floating('g', 2, 4)]],
    ...['Neg', 'Abs', 'Identity'].map((name): [string, Node[], Tensor[]] => [name, [node(name, ['a'], 'y')], INTEGERS]),
    ...['Floor', 'Ceil', 'Sqrt'].map((name): [string, Node[], Tensor[]] => [
      name,
      [node(name, ['f'], 'y')],
      [floating('f', 6.25, 9, 2.25)],
    ]),
    ...['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual'].map((name): [string, Node[], Tensor[]] => [
      `${name} and Where`,
      chosen(compared(name)),
      INTEGERS,
    ]),
    ['And', chosen(node('Less', ['a', 'b'], 'p'), node('Less', ['two', 'b'], 'q'), node('And', ['p', 'q'], 'y0')), INTEGERS],
    ['Or', chosen(node('Less', ['b', 'a'], 'p'), node('Equal', ['two', 'b'], 'q'), node('Or', ['p', 'q'], 'y0')), INTEGERS],
    ['Not', chosen(node('Less', ['a', 'b'], 'p'), node('Not', ['p'], 'y0')), INTEGERS],
    ['Cast to whole numbers', [node('Cast', ['f'], 'y', { to: DATA.int64 })], [floating('f', 1.75, -1.75)]],
    ['Cast to truth, and back', [node('Cast', ['a'], 'p', { to: DATA.bool }), node('Cast', ['p'], 'y', { to: DATA.int64 })], INTEGERS],
    ['Concat', [node('Concat', ['a', 'two', 'b'], 'y', { axis: 0 })], INTEGERS],
    ['Gather of one', [node('Gather', ['a', 'at'], 'y')], [...INTEGERS, scalar('at', -1)]],
    ['Slice', [node('Slice', ['six', 'from', 'to'], 'y')], [SIX, integers('from', [1]), integers('to', [-1])]],
    [
      'Slice backwards',
      [node('Slice', ['six', 'from', 'to', 'axes', 'by'], 'y')],
      [SIX, integers('from', [-1]), integers('to', [-100]), integers('axes', [0]), integers('by', [-2])],
    ],
    ['Range', [node('Range', ['from', 'to', 'by'], 'y')], [scalar('from', 9), scalar('to', 1), scalar('by', -3)]],
    ['ConstantOfShape of zeros', [node('ConstantOfShape', ['dims'], 'y')], [integers('dims', [2, 3])]],
    ['Expand', [node('Expand', ['two', 'dims'], 'y')], [...INTEGERS, integers('dims', [2, 3])]],
    ...['ReduceProd', 'ReduceMax', 'ReduceMin'].map((name): [string, Node[], Tensor[]] => [name, [node(name, ['six'], 'y')], [SIX]]),
    ['ReduceSum to a scalar', [node('ReduceSum', ['six'], 'y', { keepdims: 0 })], [SIX]],
    [
      'Shape of a part',
      [node('Expand', ['two', 'dims'], 'e'), node('Shape', ['e'], 'y', { start: 1, end: 3 })],
      [...INTEGERS, integers('dims', [2, 3, 4])],
    ],
    ['Size', [node('Expand', ['two', 'dims'], 'e'), node('Size', ['e'], 'y')], [...INTEGERS, integers('dims', [2, 3, 4])]],
  ])('know the numbers that %s makes of constants, as the runtime does', async (_, nodes, constants) => {
    const { known, made } = await both(nodes, constants);
    // No minus zero, which whole numbers do not have.
    const numbers = known[0]?.numbers?.map((number) => number + 0);
    expect([numbers, known[0]?.dims, known[0]?.dataType]).toEqual([numbersIn(made[0]!), made[0]?.dims, made[0]?.dataType]);
  });

  it('know no numbers that the graph does not fix, nor more than they list', async () => {
    const unfixed = await both([node('Cast', ['x'], 'n', { to: DATA.int64 }), node('Add', ['n', 'a'], 'y')], INTEGERS, { x: [4] });
    expect(unfixed.known).toMatchObject([{ dims: [4], numbers: undefined }]);
    const long = await both([node('Range', ['from', 'to', 'by'], 'y')], [scalar('from', 0), scalar('to', 1_000), scalar('by', 1)]);
    expect(long.known).toMatchObject([{ dims: [1_000], numbers: undefined }]);
  });

  const split = (parts: number, inputs: string[], attributes = {}): Node => ({
    ...node('Split', inputs, '', attributes),
    output: Array.from({ length: parts }, (_, i) => `y${i}`),
  });
  const einsum = (equation: string, ...inputs: string[]): Node => ({
    ...node('Einsum', inputs, 'y'),
    attribute: [text('equation', equation)],
  });
  const microsoft = (step: Node): Node => ({ ...step, domain: 'com.microsoft' });
  const w = (name: string, dims: number[]) => floats(name, dims, new Float32Array(someNumbers(dims).bytes.slice().buffer));

  it.each<[string, Node[], Tensor[], Record<string, number[]>]>([
    ['Flatten', [node('Flatten', ['x'], 'y')], [], { x: [2, 3, 4] }],
    ['Flatten from behind', [node('Flatten', ['x'], 'y', { axis: -1 })], [], { x: [2, 3, 4] }],
    ['Reshape with what is left', [node('Reshape', ['x', 's'], 'y')], [integers('s', [0, -1])], { x: [2, 3, 4] }],
    ['Reshape to nothing', [node('Reshape', ['x', 's'], 'y', { allowzero: 1 })], [integers('s', [0, 3])], { x: [3, 0] }],
    ['Squeeze of all', [node('Squeeze', ['x'], 'y')], [], { x: [1, 3, 1] }],
    ['Squeeze of one', [node('Squeeze', ['x', 'axes'], 'y')], [integers('axes', [-1])], { x: [1, 3, 1] }],
    ['Unsqueeze', [node('Unsqueeze', ['x', 'axes'], 'y')], [integers('axes', [-1, 0])], { x: [3, 4] }],
    ['Transpose', [node('Transpose', ['x'], 'y')], [], { x: [2, 3, 4] }],
    ['Split into halves', [split(2, ['x'])], [], { x: [4, 3] }],
    ['Split into parts', [split(2, ['x', 'parts'], { axis: 1 })], [integers('parts', [1, 4])], { x: [2, 5] }],
    ['Gather of one', [node('Gather', ['x', 'at'], 'y', { axis: -1 })], [scalar('at', 1)], { x: [2, 3] }],
    ['GatherND', [node('GatherND', ['x', 'at'], 'y')], [{ ...integers('at', [0, 1, 1, 2]), dims: [2, 2] }], { x: [2, 3, 4] }],
    ['GatherElements', [node('GatherElements', ['x', 'at'], 'y')], [{ ...integers('at', [0, 1, 1, 0]), dims: [2, 2] }], { x: [2, 3] }],
    ['Expand', [node('Expand', ['x', 's'], 'y')], [integers('s', [4, 1, 1])], { x: [3, 1] }],
    ['SpaceToDepth', [node('SpaceToDepth', ['x'], 'y', { blocksize: 2 })], [], { x: [1, 2, 4, 6] }],
    [
      'OneHot in front',
      [node('Cast', ['x'], 'i', { to: DATA.int64 }), node('OneHot', ['i', 'd', 'v'], 'y', { axis: 0 })],
      [integers('d', [5]), integers('v', [0, 1])],
      { x: [3] },
    ],
    ['TopK', [{ ...node('TopK', ['x', 'k'], '', { axis: -1 }), output: ['y', 'at'] }], [integers('k', [2])], { x: [2, 5] }],
    ['a vector times a matrix', [node('MatMul', ['x', 'z'], 'y')], [], { x: [3], z: [2, 3, 4] }],
    ['a matrix times a vector', [node('MatMul', ['x', 'z'], 'y')], [], { x: [2, 4, 3], z: [3] }],
    ['Gemm of what is turned', [node('Gemm', ['x', 'z'], 'y', { transA: 1 })], [], { x: [3, 2], z: [3, 4] }],
    ['Einsum', [einsum('bij, bjk -> bik', 'x', 'z')], [], { x: [2, 3, 4], z: [2, 4, 5] }],
    ['Einsum without an answer', [einsum('ji,jk', 'x', 'z')], [], { x: [2, 3], z: [2, 4] }],
    [
      'LSTM of both directions',
      [
        {
          ...node('LSTM', ['x', 'w', 'r'], 'y', { hidden_size: 3 }),
          attribute: [...(node('LSTM', [], 'y', { hidden_size: 3 }).attribute ?? []), text('direction', 'bidirectional')],
        },
      ],
      [w('w', [2, 12, 4]), w('r', [2, 12, 3])],
      { x: [5, 2, 4] },
    ],
    [
      'attention of many heads',
      [microsoft(node('MultiHeadAttention', ['x', 'z', 'z'], 'y', { num_heads: 2 }))],
      [],
      { x: [1, 3, 8], z: [1, 5, 8] },
    ],
    [
      'packed attention',
      [microsoft(node('Attention', ['x', 'w', 'b'], 'y', { num_heads: 2 }))],
      [w('w', [8, 24]), w('b', [24])],
      { x: [1, 3, 8] },
    ],
    [
      'MaxRoiPool',
      [node('MaxRoiPool', ['x', 'boxes'], 'y', { pooled_shape: [2, 3] })],
      [floats('boxes', [1, 5], Float32Array.of(0, 0, 0, 4, 4))],
      { x: [1, 2, 8, 8] },
    ],
    [
      'RoiAlign',
      [node('RoiAlign', ['x', 'boxes', 'of'], 'y', { output_height: 2, output_width: 3 })],
      [w('boxes', [2, 4]), integers('of', [0, 0])],
      { x: [1, 2, 8, 8] },
    ],
    ['GridSample', [node('GridSample', ['x', 'grid'], 'y')], [w('grid', [1, 3, 5, 2])], { x: [1, 2, 8, 8] }],
    [
      'Conv as large as its input',
      [
        {
          ...node('Conv', ['x', 'w'], 'y'),
          attribute: [...(node('Conv', [], 'y', { strides: [2, 2] }).attribute ?? []), text('auto_pad', 'SAME_UPPER')],
        },
      ],
      [w('w', [4, 2, 3, 3])],
      { x: [1, 2, 7, 8] },
    ],
    [
      'MaxPool of what is left',
      [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 })],
      [],
      { x: [1, 2, 7, 8] },
    ],
  ])('know what %s answers, as the runtime does, or that it is no larger', async (_, nodes, constants, fed) => {
    const { known, made } = await both(nodes, constants, fed);
    expect(known).toHaveLength(made.length);
    for (const [i, { dims, dataType }] of made.entries()) {
      if (known[i]?.isExact === true) expect([known[i].dims, known[i].dataType]).toEqual([[...dims], dataType]);
      else expect(dims.every((size, axis) => (known[i]?.dims?.[axis] ?? -1) >= size)).toBe(true);
    }
  });
});
