/** Operators whose outputs are as large as their first input, or as all inputs together, and what an element of them costs. */
export type ElementKind = 'word' | 'element' | 'function' | 'search';

const names = (text: string): string[] => text.trim().split(/\s+/);

const LIKE_FIRST: Readonly<Record<ElementKind, readonly string[]>> = {
  word: names('Identity Dropout'),
  element: names(`
    Abs Neg Relu Clip Ceil Floor Round Sign Not BitwiseNot IsInf IsNaN Cast CastLike LeakyRelu ThresholdedRelu HardSigmoid HardSwish Hardmax
    Reciprocal Shrink Softsign Sqrt DequantizeLinear QuantizeLinear DynamicQuantizeLinear BatchNormalization LpNormalization Trilu CumSum ReverseSequence EyeLike Scatter ScatterElements ScatterND TensorScatter
    QLinearLeakyRelu BiasSoftmax Normalizer Scaler Imputer Binarizer RotaryEmbedding`),
  function: names(`
    Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan Tanh Erf Exp Log Sigmoid Gelu FastGelu BiasGelu QuickGelu Elu Celu Selu Swish
    Softmax LogSoftmax QLinearSigmoid QLinearSoftmax RandomNormalLike RandomUniformLike Bernoulli LayerNormalization
    SimplifiedLayerNormalization RMSNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization InstanceNormalization GroupNormalization
    MeanVarianceNormalization`),
  search: names('Softplus Mish LRN'),
};

const BROADCAST: Readonly<Record<ElementKind, readonly string[]>> = {
  word: [],
  element: names(`
    Add Sub Mul Div Max Min Mean Sum And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Where PRelu BitShift BitwiseAnd BitwiseOr
    BitwiseXor QLinearAdd QLinearMul QLinearWhere`),
  function: names('Pow Mod'),
  search: [],
};

/** Operators that make one number of many along axes, by the cost of an element of what they read. */
const REDUCE: Readonly<Record<ElementKind, readonly string[]>> = {
  word: [],
  element: names('ReduceMax ReduceMin ReduceMean ReduceSum ReduceL1 ReduceL2 ReduceProd ReduceSumSquare ArgMax ArgMin'),
  function: names('ReduceLogSum ReduceLogSumExp'),
  search: [],
};

const ANSWERS_BOOL = new Set(names('Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not IsInf IsNaN'));

const byName = (kinds: Readonly<Record<ElementKind, readonly string[]>>): ReadonlyMap<string, ElementKind> =>
  new Map(Object.entries(kinds).flatMap(([kind, of]) => of.map((name): [string, ElementKind] => [name, kind as ElementKind])));

export const LIKE_FIRST_KINDS = byName(LIKE_FIRST);
export const BROADCAST_KINDS = byName(BROADCAST);
export const REDUCE_KINDS = byName(REDUCE);

export const answersBool = (operator: string): boolean => ANSWERS_BOOL.has(operator);
