import type onnxProto from 'onnx-proto';
import { beforeAll, describe, expect, it } from 'vitest';

import { graphEncoderSource } from '../../../src/inference/encoder/graph-encoder-source.ts';
import { matchEncoder } from '../../../src/inference/encoder/graph/match-encoder.ts';
import type { StartGraph } from '../../../src/inference/graph-runner.ts';
import { checkGraph } from '../../../src/inference/onnx/check-graph.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { agentOnnx } from '../../../workers/agent/agent-onnx.ts';
import { readOnnxGraph as readWhole, writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { bertModel, encodeModel } from '../../support/models/bert-graph.ts';
import {
  reading,
  withActivation,
  withCodedProducts,
  withDecomposedNorms,
  withFusedOperators,
  withHalfMatrices,
  withScaledHeads,
  withTurnedMatrices,
  withUnsignedTables,
  withXlmPositions,
} from '../../support/models/bert-variants.ts';
import { bertWeights } from '../../support/models/bert-weights.ts';
import { SourceReference } from '../../support/models/source-reference.ts';

type Model = onnxProto.onnx.IModelProto;

const SHAPE = { vocabulary: 64, hidden: 32, heads: 2, layers: 2, inner: 64, positions: 40 };
const PADDING = 1;
const TEXTS = [[2], [5, 9, 63, 0], [7, 3, 3, 11, 40, 2, 17, 8, 33, 21, 6]];

let start: StartGraph;
beforeAll(async () => {
  start = (await agentOnnx(1, 'wasm')).start;
});

const bert = (seed = 3): Model => bertModel(SHAPE, bertWeights(SHAPE, seed));

/** By what the product's own command makes of it. */
const quantised = (model: Model, bits: 8 | 4, modes: Parameters<typeof quantiseGraph>[1]['modes']): Uint8Array<ArrayBuffer> =>
  writeOnnxGraph(
    quantiseGraph(
      readWhole(encodeModel(model), () => new Uint8Array()),
      { bits, modes, block: 16, skip: new Set() },
    ).graph,
  );

function read(file: Uint8Array<ArrayBuffer>) {
  const graph = readOnnxGraph(file, ['graph']);
  if (!graph.ok) throw new Error(graph.error.message);
  const checked = checkGraph(graph.value, { path: 'model.onnx', files: [], at: ['graph'] });
  return checked.ok ? { graph: graph.value, match: matchEncoder(graph.value, 'last_hidden_state') } : undefined;
}

const noFiles = { read: () => Promise.reject(new Error('all weights are in the graph')) };

/** Of each text: the least cosine of a token's state by the weights that were read with the one that the runtime computes. */
async function agreement(file: Uint8Array<ArrayBuffer>, match: NonNullable<ReturnType<typeof matchEncoder>>): Promise<number> {
  const reference = await SourceReference.load(await graphEncoderSource(match, noFiles));
  const runner = await start({ graph: file, external: new Map() });
  if (!runner.ok) throw new Error(runner.error.message);
  let least = 1;
  for (const ids of TEXTS) {
    const types = ids.map((_, i) => i % 2);
    const input = (name: string, values: readonly number[]) =>
      ({ name, type: 'int64', shape: [1, ids.length], data: BigInt64Array.from(values, BigInt) }) as const;
    const inputs = [input('input_ids', ids), input('attention_mask', Array<number>(ids.length).fill(1)), input('token_type_ids', types)];
    const answer = await runner.value.run(inputs, ['last_hidden_state']);
    // What the runtime refuses has no vectors to differ.
    if (!answer.ok) continue;
    const states = answer.value[0]!.data as Float32Array;
    for (const [token, state] of reference.run(ids, match.embeddings.takesTypes ? types : undefined).entries())
      least = Math.min(least, cosine(state, states.subarray(token * SHAPE.hidden, (token + 1) * SHAPE.hidden)));
  }
  await runner.value.release();
  return least;
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Numbers of a small network are coarse in 8 bits. */
const CLOSE = 0.998;

const WRITTEN: Record<string, () => Uint8Array<ArrayBuffer>> = {
  fp32: () => encodeModel(bert()),
  'norms in their parts': () => encodeModel(withDecomposedNorms(bert())),
  'heads that are scaled first': () => encodeModel(withScaledHeads(bert(), 1 / 4)),
  'GELU by tanh': () => encodeModel(withActivation(bert(), 'tanh')),
  ReLU: () => encodeModel(withActivation(bert(), 'relu')),
  'matrices turned': () => encodeModel(withTurnedMatrices(bert())),
  'floats of 16 bits': () => encodeModel(withHalfMatrices(bert())),
  "XLM-R's positions": () => encodeModel(withXlmPositions(bert(), PADDING)),
  'all of these at once': () =>
    encodeModel(withHalfMatrices(withXlmPositions(withActivation(withDecomposedNorms(withScaledHeads(bert(), 1 / 4)), 'tanh'), PADDING))),
  'operators fused': () => encodeModel(withFusedOperators(bert())),
  'tables of unsigned codes': () => encodeModel(withUnsignedTables(bert())),
  'products of codes with zero points': () => encodeModel(withCodedProducts(bert())),
  'codes of 8 bits': () => quantised(bert(), 8, ['row', 'dynamic', 'stored']),
  'codes of 8 bits in blocks': () => quantised(bert(), 8, ['block', 'dynamic']),
  'matrices stored as codes': () => quantised(bert(), 8, ['stored']),
  'words in 4 bits': () => quantised(bert(), 4, ['block']),
};

describe('an encoder in an ONNX graph', () => {
  it.each(Object.entries(WRITTEN))('[M140] is read however it is written: %s', async (_, write) => {
    const file = write();
    const match = read(file)?.match;
    expect(match).toMatchObject({ heads: 2, hidden: 32, inner: 64 });
    expect(match!.layers).toHaveLength(2);
    expect(await agreement(file, match!)).toBeGreaterThan(CLOSE);
  });

  it.each([
    ['the inner layer reads what attention read', '1/up.product', 0, 'state.1'],
    ['the inner layer reads what attention answered', '1/up.product', 0, '1/output'],
    ['the last sum takes what the layer read', '1/end', 1, 'state.1'],
    ['the last sum takes itself twice', '1/end', 1, '1/down'],
    ['attention adds what a layer before read', '1/residual', 1, 'state.0'],
    ['queries are those of another layer', '1/query.product', 0, 'state.0'],
    ['keys are those of the layer before', '1/key.heads', 0, '0/key'],
    ['values are keys', '1/value.heads', 0, '1/key'],
    ['scores have no softmax', '1/context', 0, '1/masked'],
    ['positions stand for words', 'word_type', 0, 'position'],
  ])('[M141] it is none where %s', (_, output, at, value) => {
    const found = read(encodeModel(reading(bert(), output, at, value)))!;
    expect(found.graph.nodes.length).toBeGreaterThan(50);
    // Keys and values may be those of one matrix: that is an encoder still.
    if (value === '1/key') expect(found.match?.layers[1]?.value).toEqual(found.match?.layers[1]?.key);
    else expect(found.match).toBeUndefined();
  });

  it('[M141] a graph that is not one, by however little, is left to the runtime', async () => {
    const rng = new Seeded(20_261_202);
    const outcomes = { left: 0, matched: 0, invalid: 0 };
    for (let run = 0; run < effort(150, 3_000); run += 1) {
      const file = encodeModel(mutated(rng, withDecomposedNorms(bert())));
      const found = read(file);
      if (found === undefined) outcomes.invalid += 1;
      else if (found.match === undefined) outcomes.left += 1;
      else {
        outcomes.matched += 1;
        expect(await agreement(file, found.match), `run ${run}`).toBeGreaterThan(CLOSE);
      }
    }
    expect(outcomes.left).toBeGreaterThan(50);
    expect(outcomes.matched).toBeGreaterThan(5);
  });
});

/** One thing changed: an input, an attribute, an operator, or a constant. */
function mutated(rng: Seeded, model: Model): Model {
  const below = (bound: number) => Math.floor(rng.next() * bound);
  const { node: nodes, initializer: constants } = model.graph! as Required<Pick<onnxProto.onnx.IGraphProto, 'node' | 'initializer'>>;
  const at = below(nodes!.length);
  const one = nodes![at]!;
  const change = below(5);
  const names = nodes!.flatMap(({ output }) => output!);
  const inputs = [...one.input!];
  if (change === 0) inputs.reverse();
  else if (change === 1) inputs[below(inputs.length)] = names[below(at)] ?? 'input_ids';
  else if (change === 2) inputs[below(inputs.length)] = constants![below(constants!.length)]!.name!;
  const same = ['Add', 'Mul', 'Sub', 'Div'];
  const opType = change === 3 && same.includes(one.opType!) ? same[below(4)]! : one.opType!;
  const attribute = one.attribute!.map((given) =>
    change === 3 && given.ints !== undefined && given.ints !== null && given.ints.length > 1
      ? { ...given, ints: given.ints.toReversed() }
      : given,
  );
  const changed = nodes!.map((other, i) => (i === at ? { ...one, input: inputs, opType, attribute } : other));
  const scalars = constants!.filter(({ dims }) => dims!.length === 0);
  const scalar = scalars[below(scalars.length)];
  const numbers = constants!.map((tensor) =>
    change === 4 && tensor === scalar ? { ...tensor, rawData: new Uint8Array(Float32Array.of(0.5 + rng.next()).buffer) } : tensor,
  );
  return { ...model, graph: { ...model.graph, node: changed, initializer: numbers } };
}
