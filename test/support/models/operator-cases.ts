import type { GraphTensor } from '../../../src/inference/build/graph/onnx-graph.ts';
import { tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { DATA } from '../../../src/inference/onnx/cost/graph-value.ts';
import type { Feeds } from '../../../workers/builds/graph-session.ts';
import { encodeModel, floats, integers, modelOf, node, port } from './bert-graph.ts';

/** A graph, and what goes in. */
export interface OperatorCase {
  readonly name: string;
  readonly file: Uint8Array<ArrayBuffer>;
  readonly feeds: Feeds;
}

const FLOAT = DATA.float32;
type Attributes = Parameters<typeof node>[3];
type Initialiser = ReturnType<typeof floats>;

/** Numbers between 0 and 1, or whole ones up to 100. */
export const someNumbers = (dims: readonly number[], dataType: number = FLOAT): GraphTensor => {
  const count = dims.reduce((product, size) => product * size, 1);
  const numbers = Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 1009) / 1009 + 0.01);
  return tensorOf(dataType, dims, dataType === FLOAT ? numbers : BigInt64Array.from(numbers, (x) => BigInt(Math.floor(x * 100) + 1)));
};

const weights = (name: string, dims: number[]): Initialiser => floats(name, dims, new Float32Array(someNumbers(dims).bytes.slice().buffer));

/** One operator alone: its first inputs are fed, the others are constants. */
function alone(
  name: string,
  operator: string,
  fed: readonly (readonly number[])[],
  more: readonly Initialiser[] = [],
  attributes: Attributes = {},
  dataType: number = FLOAT,
): OperatorCase {
  const inputs = fed.map((_, i) => `x${i}`);
  const model = modelOf({
    node: [node(operator, [...inputs, ...more.map((tensor) => tensor.name ?? '')], 'y', attributes)],
    initializer: [...more],
    input: inputs.map((input, i) => port(input, dataType, fed[i] ?? [])),
    output: [{ name: 'y' }],
  });
  return {
    name,
    file: encodeModel(model),
    feeds: Object.fromEntries(inputs.map((input, i) => [input, someNumbers(fed[i] ?? [], dataType)])),
  };
}

const matMul = (m: number, k: number, n: number) => alone(`MatMul ${m}x${k}x${n}`, 'MatMul', [[m, k]], [weights('w', [k, n])]);
const conv = (dims: number[], kernel: number[], attributes: Attributes = {}) =>
  alone(`Conv ${dims.join('x')} by ${kernel.join('x')}`, 'Conv', [dims], [weights('w', kernel)], attributes);

/** Kinds of operators, in shapes that runtimes compute in different ways. */
export const OPERATOR_CASES: readonly OperatorCase[] = [
  ...[
    [1, 1_024, 1_024],
    [8, 384, 384],
    [32, 384, 1_536],
    [128, 1_536, 384],
    [512, 512, 512],
    [2_048, 64, 64],
    [4_096, 1, 256],
    [1, 4, 65_536],
  ].map(([m = 1, k = 1, n = 1]) => matMul(m, k, n)),
  alone('MatMul of heads 48x32x32x32', 'MatMul', [
    [48, 32, 32],
    [48, 32, 32],
  ]),
  alone('MatMul of heads 12x512x32x512', 'MatMul', [
    [12, 512, 32],
    [12, 32, 512],
  ]),
  alone('MatMul of vectors 4096x1x64x1', 'MatMul', [
    [4_096, 1, 64],
    [4_096, 64, 1],
  ]),
  alone('Gemm 128x512x512', 'Gemm', [[128, 512]], [weights('w', [512, 512])], { transB: 1 }),
  alone(
    'MatMul int64 64x64x64',
    'MatMul',
    [
      [64, 64],
      [64, 64],
    ],
    [],
    {},
    DATA.int64,
  ),
  conv([1, 3, 224, 224], [16, 3, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  conv([1, 64, 56, 56], [64, 64, 1, 1]),
  conv([1, 64, 56, 56], [64, 64, 3, 3], { pads: [1, 1, 1, 1] }),
  conv([1, 512, 7, 7], [512, 512, 3, 3], { pads: [1, 1, 1, 1] }),
  conv([1, 64, 56, 56], [64, 1, 3, 3], { group: 64, pads: [1, 1, 1, 1] }),
  conv([1, 256, 14, 14], [256, 1, 5, 5], { group: 256, pads: [2, 2, 2, 2] }),
  conv([1, 64, 56, 56], [64, 16, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  conv([1, 1, 512, 512], [1, 1, 7, 7]),
  alone('ConvTranspose 1x24x80x80', 'ConvTranspose', [[1, 24, 80, 80]], [weights('w', [24, 24, 2, 2])], { strides: [2, 2] }),
  ...['Relu', 'Neg', 'Clip', 'Sigmoid', 'Erf', 'Exp', 'Log', 'Tanh', 'Sin', 'Sqrt', 'Softplus', 'HardSigmoid', 'Atan', 'Elu', 'Round'].map(
    (name) => alone(`${name} 512x512`, name, [[512, 512]]),
  ),
  alone('Relu 64', 'Relu', [[64]]),
  ...['Add', 'Mul', 'Div', 'Pow', 'Max'].map((name) =>
    alone(`${name} 512x512`, name, [
      [512, 512],
      [512, 512],
    ]),
  ),
  alone('Add of a row', 'Add', [
    [512, 512],
    [1, 512],
  ]),
  alone('Add of a column', 'Add', [
    [512, 512],
    [512, 1],
  ]),
  alone('Add of all with all', 'Add', [
    [512, 1, 32],
    [1, 32, 1],
  ]),
  ...['Add', 'Div', 'Mul', 'Pow', 'Mod'].map((name) =>
    alone(
      `${name} int64 512x512`,
      name,
      [
        [512, 512],
        [512, 512],
      ],
      [],
      {},
      DATA.int64,
    ),
  ),
  alone('Cast to int64', 'Cast', [[512, 512]], [], { to: DATA.int64 }),
  alone('Softmax 512x512', 'Softmax', [[512, 512]], [], { axis: -1 }),
  alone('Softmax 65536x4', 'Softmax', [[65_536, 4]], [], { axis: -1 }),
  alone('Softmax along the first axis', 'Softmax', [[512, 512]], [], { axis: 0 }),
  alone('LayerNormalization 512x384', 'LayerNormalization', [[512, 384]], [weights('s', [384]), weights('b', [384])], { axis: -1 }),
  alone(
    'BatchNormalization',
    'BatchNormalization',
    [[1, 64, 56, 56]],
    ['s', 'b', 'm', 'v'].map((name) => weights(name, [64])),
  ),
  ...['ReduceMean', 'ReduceMax', 'ReduceL2', 'ReduceLogSumExp', 'ReduceProd']
    .flatMap((name) => [
      alone(`${name} of rows`, name, [[512, 512]], [], { axes: [1] }),
      alone(`${name} of columns`, name, [[512, 512]], [], { axes: [0] }),
    ])
    .filter(({ name }) => !name.startsWith('ReduceSum')),
  alone('ArgMax of columns', 'ArgMax', [[512, 512]], [], { axis: 0 }),
  alone('CumSum', 'CumSum', [[512, 512]], [integers('axis', [0])]),
  alone('GlobalAveragePool', 'GlobalAveragePool', [[1, 64, 56, 56]]),
  alone('AveragePool 3x3', 'AveragePool', [[1, 64, 56, 56]], [], { kernel_shape: [3, 3] }),
  alone('MaxPool 3x3', 'MaxPool', [[1, 64, 56, 56]], [], { kernel_shape: [3, 3], strides: [2, 2] }),
  alone('MaxPool 13x13', 'MaxPool', [[1, 64, 56, 56]], [], { kernel_shape: [13, 13] }),
  alone('Transpose of a matrix', 'Transpose', [[512, 512]], [], { perm: [1, 0] }),
  alone('Transpose of heads', 'Transpose', [[4, 128, 12, 32]], [], { perm: [0, 2, 1, 3] }),
  alone('Transpose of five axes', 'Transpose', [[8, 8, 16, 16, 16]], [], { perm: [4, 2, 0, 3, 1] }),
  alone(
    'Concat',
    'Concat',
    [
      [512, 256],
      [512, 256],
    ],
    [],
    { axis: 1 },
  ),
  alone(
    'Concat of columns',
    'Concat',
    [
      [65_536, 1],
      [65_536, 1],
    ],
    [],
    { axis: 1 },
  ),
  alone(
    'Slice with steps',
    'Slice',
    [[512, 512]],
    [integers('a', [0, 0]), integers('b', [512, 512]), integers('c', [0, 1]), integers('d', [1, 2])],
  ),
  alone('Slice backwards', 'Slice', [[512, 512]], [integers('a', [-1]), integers('b', [-10_000]), integers('c', [1]), integers('d', [-1])]),
  alone(
    'Gather of rows',
    'Gather',
    [[8_192, 64]],
    [
      integers(
        'i',
        Array.from({ length: 4_096 }, (_, i) => (i * 7919) % 8_192),
      ),
    ],
  ),
  alone(
    'Gather of columns',
    'Gather',
    [[64, 4_096]],
    [
      integers(
        'i',
        Array.from({ length: 4_096 }, (_, i) => (i * 31) % 4_096),
      ),
    ],
    { axis: 1 },
  ),
  alone('Expand', 'Expand', [[1, 512]], [integers('s', [512, 512])]),
  alone('Tile of single numbers', 'Tile', [[512, 1]], [integers('s', [1, 512])]),
  alone('Pad', 'Pad', [[512, 512]], [integers('p', [4, 4, 4, 4])]),
  alone('NonZero', 'NonZero', [[512, 512]]),
  alone('Unique', 'Unique', [[262_144]]),
  alone('Resize nearest', 'Resize', [[1, 24, 80, 80]], [weights('roi', [0]), floats('s', [4], Float32Array.of(1, 1, 2, 2))]),
  alone('DepthToSpace', 'DepthToSpace', [[1, 64, 64, 64]], [], { blocksize: 2 }),
  alone('OneHot', 'OneHot', [[512]], [integers('d', [512]), integers('v', [0, 1])], {}, DATA.int64),
  alone('Identity', 'Identity', [[512, 512]]),
  alone('LSTM 64x1x128', 'LSTM', [[64, 1, 128]], [weights('w', [1, 512, 128]), weights('r', [1, 512, 128])], { hidden_size: 128 }),
  alone('GRU 64x8x128', 'GRU', [[64, 8, 128]], [weights('w', [1, 384, 128]), weights('r', [1, 384, 128])], { hidden_size: 128 }),
  alone('LRN', 'LRN', [[1, 32, 32, 32]], [], { size: 5 }),
];
