import type { GraphStep } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { DATA, elementsOf, productOf, wordsOf } from './graph-value.ts';
import { LAYOUT_SHAPES } from './layout-shapes.ts';
import type { ElementKind } from './operator-kinds.ts';
import { BROADCAST_KINDS, LIKE_FIRST_KINDS, REDUCE_KINDS } from './operator-kinds.ts';
import type { Work } from './operator-rates.ts';
import { einsumSizes, factorOf, GATES, PRODUCT_SHAPES } from './product-shapes.ts';
import { kernelOf } from './window-shapes.ts';

type WorkRule = (step: GraphStep, outputs: readonly GraphValue[]) => Work;

/** What a step computes at most, and whether that is by a rule for its operator. */
export function workOf(step: GraphStep, outputs: readonly GraphValue[]): { readonly work: Work; readonly isRuled: boolean } {
  const rule = ruleOf(step.operator);
  const { node = 1, ...work } = (rule ?? unruled)(step, outputs);
  return { work: { ...work, node }, isRuled: rule !== undefined };
}

const sum = (values: readonly GraphValue[], sizeOf: (value: GraphValue) => number): number =>
  values.reduce((total, value) => total + sizeOf(value), 0);

/** All that is read and written. */
const wordsIn = (step: GraphStep, outputs: readonly GraphValue[]): number => sum(step.given, wordsOf) + sum(outputs, wordsOf);

/**
 * An operator without a rule: each element that goes in or comes out is searched for, and the first input is multiplied with the columns of
 * each other. What it answers is unknown, and so as large as the runtime's memory.
 */
function unruled(step: GraphStep, outputs: readonly GraphValue[]): Work {
  const columns = step.given.slice(1).reduce((total, { dims }) => total + (dims?.at(-1) ?? 1), 0);
  return {
    search: sum(step.given, elementsOf) + sum(outputs, elementsOf),
    macPlain: elementsOf(step.input(0)) * Math.max(columns, step.longestList),
  };
}

const each =
  (kind: ElementKind): WorkRule =>
  (step, outputs) => {
    const answers = outputs.slice(0, 1);
    const isSlow = step.input(0).dataType !== DATA.float32;
    return {
      [isSlow ? SLOWER[kind] : kind]: Math.max(sum(answers, elementsOf), elementsOf(step.input(0))),
      word: wordsIn(step, outputs),
    };
  };

/** Of integers and doubles. */
const SLOWER = { word: 'word', element: 'move', function: 'search', search: 'search' } as const;

const moved: WorkRule = (step, outputs) => ({ move: sum(outputs, wordsOf), word: wordsIn(step, outputs) });
/** Nothing but other dimensions; the runtime may copy it. */
const renamed: WorkRule = (step, outputs) => ({ word: wordsIn(step, outputs) });
const made: WorkRule = (_, outputs) => ({ element: sum(outputs, elementsOf) });
const searched: WorkRule = (step, outputs) => ({ search: sum(step.given, elementsOf) + sum(outputs, elementsOf) });

/** A sort of each row: as many comparisons as elements, times the doublings that make a row. */
const sorted: WorkRule = (step, outputs) => {
  const count = elementsOf(step.input(0));
  return { move: count * (1 + Math.log2(Math.max(2, count))), word: wordsIn(step, outputs) };
};

/** A product of matrices whose second factor is the input of that number. */
const product =
  (rightAt: number): WorkRule =>
  (step, outputs) => {
    const [left, right] = [step.input(0), step.input(rightAt)];
    const [a, b] = [factorOf(left, 'left'), factorOf(right, 'right')];
    const [answer] = outputs;
    const inner = Math.max(
      a === undefined ? 0 : step.int('transA', 0) === 1 ? a.rows : a.columns,
      b === undefined ? 0 : step.int('transB', 0) === 1 ? b.columns : b.rows,
    );
    const isKnown = answer?.dims !== undefined && inner > 0;
    // Both factors and the answer fit the memory: m·k, k·n and m·n bound m·k·n by the root of their product.
    const factors = [left, right, ...outputs.slice(0, 1)].map(elementsOf);
    const macs = isKnown ? productOf(answer.dims ?? []) * inner : Math.sqrt(productOf(factors));
    const call = productOf((answer?.dims ?? []).slice(0, -2));
    return { [macOf(step.operator, left.dataType)]: macs, word: wordsIn(step, outputs), element: sum(outputs, elementsOf), call };
  };

function macOf(operator: string, dataType: number): 'mac' | 'macInt8' | 'macPlain' {
  if (/Integer|Quantize|QLinear|QGemm/.test(operator)) return 'macInt8';
  return dataType === DATA.float32 ? 'mac' : 'macPlain';
}

/** Blocks of few bits are unpacked for each row, or once for many. */
const blockProduct: WorkRule = (step, outputs) => {
  const macs = elementsOf(step.input(0)) * step.int('N', 0);
  return { macBlocks: macs, element: step.int('K', 0) * step.int('N', 0), word: wordsIn(step, outputs) };
};

const einsum: WorkRule = (step, outputs) => {
  const found = einsumSizes(step);
  const macs =
    found === undefined ? Math.sqrt(productOf([...step.given, ...outputs].map(elementsOf))) : productOf([...found.sizes.values()]);
  return { macPlain: macs, move: wordsIn(step, outputs) };
};

const conv =
  (weightsAt: number): WorkRule =>
  (step, outputs) => {
    const [data, weights] = [step.input(0), step.input(weightsAt)];
    const group = Math.max(1, step.int('group', 1));
    const [channelsOut = 1, channelsIn = 1] = weights.dims ?? [];
    const window = productOf(kernelOf(step, weights) ?? [1]);
    const isTransposed = step.operator.startsWith('ConvTranspose');
    const places = isTransposed ? elementsOf(data) : sum(outputs.slice(0, 1), elementsOf);
    const macs = places * (weights.dims === undefined ? elementsOf(data) : channelsIn * window);
    const isDepthwise = !isTransposed && channelsOut / group < FEW_CHANNELS;
    // What the windows see is laid out as a matrix first.
    const laidOut = window === 1 || isDepthwise ? 0 : (places / Math.max(1, channelsOut)) * channelsIn * group * window;
    const isInt8 = /Integer|QLinear/.test(step.operator);
    const rate = isDepthwise || step.operator === 'DeformConv' ? 'macPlain' : isInt8 ? 'macInt8' : macOf('', data.dataType);
    return {
      [rate]: macs,
      element: sum(outputs, elementsOf),
      word: wordsIn(step, outputs) + 2 * laidOut,
      call: group * (data.dims?.[0] ?? 1),
    };
  };

/** With fewer channels a group is a product of tiny matrices. */
const FEW_CHANNELS = 4;

const pool: WorkRule = (step, outputs) => {
  const window = productOf(kernelOf(step, undefined) ?? [1]);
  return { element: elementsOf(step.input(0)), word: sum(outputs.slice(0, 1), elementsOf) * window + wordsIn(step, outputs) };
};

/** Each element is made of its neighbours, two or four along each axis. */
const resampled: WorkRule = (step, outputs) => {
  const isNearest = step.text('mode') === 'nearest' || step.text('mode') === '';
  return {
    [isNearest ? 'move' : 'search']: sum(outputs, elementsOf) * (step.text('mode') === 'cubic' ? CUBIC : 1),
    word: wordsIn(step, outputs),
  };
};

const CUBIC = 4;

const recurrent: WorkRule = (step, outputs) => {
  const [steps = 1, batch = 1, width = 1] = step.input(0).dims ?? [elementsOf(step.input(0))];
  const hidden = step.int('hidden_size', 1);
  const directions = step.text('direction') === 'bidirectional' ? 2 : 1;
  const cells = steps * batch * directions * hidden;
  // Each step reads all weights again.
  const weights = directions * (GATES[step.operator] ?? 4) * hidden * (width + hidden);
  return {
    mac: cells * (GATES[step.operator] ?? 4) * (width + hidden),
    word: weights * steps + wordsIn(step, outputs),
    function: cells * 5,
    node: steps,
  };
};

/** Products of each token with the packed weights, and of each pair of tokens. */
const attention: WorkRule = (step, outputs) => {
  const [query, second] = [step.input(0), step.input(1)];
  const [batch = 1, tokens = elementsOf(query), width = 1] = query.dims ?? [];
  const isPacked = /^(Q?Attention)$/.test(step.operator) && second.dims?.length === 2;
  const columns = isPacked ? (second.dims?.[1] ?? 0) : 0;
  const past = step.given
    .slice(2)
    .reduce((most, { dims }) => Math.max(most, dims?.length === 4 ? (dims[2] ?? 0) : dims?.length === 5 ? (dims[3] ?? 0) : 0), 0);
  const keys = (isPacked ? tokens : Math.max(tokens, second.dims?.at(-2) ?? tokens)) + past;
  const wide = Math.max(width, columns / 3, step.input(2).dims?.at(-1) ?? 0);
  const heads = Math.max(1, step.int('num_heads', step.int('q_num_heads', 1)));
  return {
    mac: batch * tokens * (width * columns + 2 * keys * wide),
    function: batch * heads * tokens * keys,
    move: batch * (tokens + 2 * keys) * wide,
    word: wordsIn(step, outputs),
  };
};

/** Rows times all that an attribute lists: the nodes of a forest, the vectors of a machine. */
const listed: WorkRule = (step, outputs) => {
  const data = step.input(0);
  const rows = data.dims === undefined ? elementsOf(data) : (data.dims[0] ?? 1);
  return { search: rows * step.longestList, macPlain: rows * step.longestList, word: wordsIn(step, outputs) };
};

/** Each element with each of its row, or of its matrix. */
const squared: WorkRule = (step, outputs) => {
  const data = step.input(0);
  const row = Math.max(...(data.dims ?? [elementsOf(data)]));
  return { function: elementsOf(data) * row, word: wordsIn(step, outputs) };
};

/** All boxes with all that were kept, for each class. */
const suppressed: WorkRule = (step, outputs) => {
  const [boxes, scores] = [step.input(0), step.input(1)];
  const count = boxes.dims?.at(-2) ?? elementsOf(boxes);
  const kept = Math.min(count, step.input(2).numbers?.[0] ?? count);
  return { element: elementsOf(scores) * (kept + Math.log2(Math.max(2, count))), word: wordsIn(step, outputs) };
};

const names = (text: string): string[] => text.trim().split(/\s+/);
const all = (list: string, rule: WorkRule): Record<string, WorkRule> => Object.fromEntries(names(list).map((name) => [name, rule]));

const WORK: Readonly<Record<string, WorkRule>> = {
  ...all(Object.keys(LAYOUT_SHAPES).join(' '), moved),
  ...all('Reshape Flatten Squeeze Unsqueeze ExpandDims Shape Size Constant If', renamed),
  ...all('ConstantOfShape Range EyeLike BlackmanWindow HammingWindow HannWindow', made),
  ...all('TopK Unique NonZero', sorted),
  ...all(
    'SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence ConcatFromSequence',
    renamed,
  ),
  ...all('Optional OptionalGetElement OptionalHasElement', renamed),
  ...all('GridSample RoiAlign MaxRoiPool CropAndResize AffineGrid RandomNormal RandomUniform LabelEncoder', searched),
  ...all(Object.keys(PRODUCT_SHAPES).join(' '), product(1)),
  ...all('QLinearMatMul QGemm', product(3)),
  ...all('MatMulNBits MatMulBnb4 MatMulFpQ4', blockProduct),
  GatherBlockQuantized: moved,
  Einsum: einsum,
  ...all('RNN GRU LSTM DynamicQuantizeLSTM', recurrent),
  ...all('Attention QAttention MultiHeadAttention', attention),
  ...all('Conv FusedConv DeformConv ConvInteger ConvTranspose ConvTransposeWithDynamicPads', conv(1)),
  QLinearConv: conv(3),
  ...all('AveragePool MaxPool LpPool QLinearAveragePool MaxpoolWithMask', pool),
  ...all('GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearGlobalAveragePool', each('element')),
  ...all('Resize Upsample', resampled),
  ...all('TreeEnsembleClassifier TreeEnsembleRegressor SVMClassifier SVMRegressor LinearClassifier LinearRegressor', listed),
  ...all('DFT Det Inverse', squared),
  LRN: (step, outputs) => ({ element: elementsOf(step.input(0)) * step.int('size', 1), word: wordsIn(step, outputs) }),
  NonMaxSuppression: suppressed,
};

function ruleOf(operator: string): WorkRule | undefined {
  if (Object.hasOwn(WORK, operator)) return WORK[operator];
  const kind = LIKE_FIRST_KINDS.get(operator) ?? BROADCAST_KINDS.get(operator) ?? REDUCE_KINDS.get(operator);
  return kind === undefined ? undefined : each(kind);
}
