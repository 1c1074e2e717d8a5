import { describe, expect, it } from 'vitest';
import { constantBytes, DATA_TYPE, floatsOf, tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import type { OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { sumRows } from '../../../src/inference/build/build-static-model.ts';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import { rowCount } from '../../../src/inference/build/matrix.ts';
import { encoderLayers, pruneLayers, withoutLayer } from '../../../src/inference/build/prune/encoder-layers.ts';
import { pruneDimensions, pruneVocabulary, staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import { driftOf } from '../../../src/inference/build/quantise/drift.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { Vocabulary } from '../../../src/inference/static/vocabulary.ts';
import { WordTokeniser } from '../../../src/inference/static/word-tokeniser.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { calibrationRun } from '../../../workers/builds/calibration.ts';
import { readOnnxGraph, writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { textInputs } from '../../../workers/builds/text-inputs.ts';
import { firstFile } from '../../support/fixtures/default-model.ts';
import { bertInputs, bertShapedGraph, TINY_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';

const committed = readOnnxGraph(firstFile, () => new Uint8Array());
const whole = staticGraph(committed)!;
const TEXTS = ['the river runs to the sea', 'music of the garden', 'a small town'];

async function vectorsBy(graph: OnnxGraph): Promise<readonly Float32Array[]> {
  return calibrationRun(TEXTS.map(textInputs({ root: '', graphPath: '', graph, inputs: [], others: [] })!))(graph);
}

describe('[MB12] a static model', () => {
  it('of codes is the float model that they stand for', async () => {
    expect(whole.words).toHaveLength(60_000);
    const written = readOnnxGraph(writeOnnxGraph(whole.graph), () => new Uint8Array());
    expect(driftOf(await vectorsBy(committed), await vectorsBy(written)).max).toBeLessThan(1e-6);
  });

  it('with fewer words keeps the vectors of texts of those that stay', async () => {
    const keep = new Set(TEXTS.flatMap((text) => text.split(' ')).filter((word) => whole.words.includes(word)));
    const pruned = pruneVocabulary(whole, keep);
    expect([...pruned.words].sort()).toEqual([...keep].sort());
    expect(rowCount(pruned.table)).toBe(keep.size + 1);
    const graph = readOnnxGraph(writeOnnxGraph(pruned.graph), () => new Uint8Array());
    expect(driftOf(await vectorsBy(committed), await vectorsBy(graph)).max).toBeLessThan(1e-6);
  });

  it('with fewer dimensions keeps the axes on which its texts differ most', () => {
    const first = pruneVocabulary(whole, new Set(whole.words.slice(0, 3000)));
    const tokeniser = new WordTokeniser(new Vocabulary(utf8(first.words.join('\n'))));
    const lines = Array.from({ length: 200 }, (_, i) => first.words.slice(i * 9, i * 9 + 7).join(' '));
    const batch = tokenBatch(lines.map((line) => tokeniser.tokenise(line).ids));
    const corpus = sumRows(first.table, batch);
    const pruned = pruneDimensions(first, 20, corpus);
    expect(pruned.table.columns).toBe(20);
    const exact = products(corpus);
    const axes = errorOf(products(unscaled(first.table, pruned.table, batch)), exact);
    const prefix = { columns: 20, values: first.table.values.filter((_, i) => i % 100 < 20) };
    expect(axes).toBeLessThan(errorOf(products(unscaled(first.table, prefix, batch)), exact));
    const all = pruneDimensions(first, 100, corpus);
    expect(errorOf(products(unscaled(first.table, all.table, batch)), exact)).toBeLessThan(1e-9);
  });

  it('with fewer dimensions runs, and answers as many', async () => {
    const small = pruneDimensions(pruneVocabulary(whole, new Set(whole.words.slice(0, 2000))), 20);
    const graph = readOnnxGraph(writeOnnxGraph(small.graph), () => new Uint8Array());
    expect((await vectorsBy(graph)).map(({ length }) => length)).toEqual([20, 20, 20]);
  });

  it('is not what a graph without a vocabulary is', () => {
    expect(staticGraph(bertShapedGraph(TINY_SHAPE))).toBeUndefined();
    expect(staticGraph({ ...committed, metadata: new Map([['sluice.vocabulary', 'one\ntwo']]) })).toBeUndefined();
  });
});

/** The vectors of texts by `table`, divided by their lengths under `full`. */
function unscaled(full: Matrix, table: Matrix, batch: ReturnType<typeof tokenBatch>): Matrix {
  const sums = (matrix: Matrix, text: Int32Array) =>
    Float64Array.from({ length: matrix.columns }, (_, d) => text.reduce((sum, id) => sum + matrix.values[id * matrix.columns + d]!, 0));
  const rows = Array.from({ length: batch.offsets.length - 1 }, (_, row) => batch.ids.subarray(batch.offsets[row], batch.offsets[row + 1]));
  const values = rows.flatMap((text) => {
    const length = Math.sqrt(sums(full, text).reduce((sum, x) => sum + x * x, 0));
    return [...sums(table, text)].map((x) => x / length);
  });
  return { columns: table.columns, values: Float64Array.from(values) };
}

function products({ columns, values }: Matrix): Float64Array {
  const rows = values.length / columns;
  return Float64Array.from({ length: rows * rows }, (_, at) => {
    const [i, j] = [Math.floor(at / rows), at % rows];
    let dot = 0;
    for (let d = 0; d < columns; d++) dot += values[i * columns + d]! * values[j * columns + d]!;
    return dot;
  });
}

const errorOf = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0);

describe('[MB13] encoder layers', () => {
  const shape = { ...TINY_SHAPE, layers: 4 };
  const bert = bertShapedGraph(shape);
  const run = calibrationRun([bertInputs(shape, 2, 9)]);
  /** Layer 1 adds nothing to what enters it. */
  const idle: OnnxGraph = {
    ...bert,
    tensors: new Map(
      [...bert.tensors].map(([name, tensor]) =>
        /^encoder\.layer\.1\..*output\./.test(name) && !name.endsWith('LayerNorm.weight')
          ? [name, tensorOf(DATA_TYPE.float32, tensor.dims, new Float32Array(floatsOf(tensor).length))]
          : [name, tensor],
      ),
    ),
  };

  it('are those that one tensor enters and one leaves, the last one apart', () => {
    expect(encoderLayers(bert).map(({ layer }) => layer)).toEqual([0, 1, 2]);
    expect(encoderLayers(bert)[1]).toEqual({ layer: 1, input: 'encoder.layer.0.out', output: 'encoder.layer.1.out' });
    const without = withoutLayer(bert, encoderLayers(bert)[1]!);
    expect([...without.tensors.keys()].filter((name) => name.startsWith('encoder.layer.1.'))).toEqual([]);
    expect(encoderLayers(without).map(({ layer }) => layer)).not.toContain(1);
  });

  it('[MB19] are found where products have constants without their names, coded while they run or not', () => {
    const nameless = (name: string): string =>
      /^encoder.*weight$/.test(name) && !name.includes('LayerNorm') ? `onnx::${name.replaceAll(/\W/g, '')}` : name;
    const anonymous: OnnxGraph = {
      ...bert,
      tensors: new Map([...bert.tensors].map(([name, tensor]) => [nameless(name), tensor])),
      nodes: bert.nodes.map((node) => ({ ...node, inputs: node.inputs.map(nameless) })),
    };
    const coded = quantiseGraph(anonymous, { modes: ['dynamic'], bits: 8, block: 32, skip: new Set() }).graph;
    expect(coded.nodes.map(({ opType }) => opType)).toContain('MatMulInteger');
    for (const graph of [anonymous, coded]) {
      // Embeddings, too, are read by the first block alone.
      expect(encoderLayers(graph)).toEqual(encoderLayers(bert).slice(1));
      const without = withoutLayer(graph, encoderLayers(graph)[0]!);
      expect(constantBytes(without)).toBeLessThan(constantBytes(graph));
    }
  });

  it('are left out in the order of what the outputs miss', async () => {
    const { graph, removed, sensitivities } = await pruneLayers(idle, 1, run);
    expect(removed.map(({ layer }) => layer)).toEqual([1]);
    expect(removed[0]!.drift.max).toBeLessThan(1e-6);
    expect(new Set(sensitivities.map(({ layer }) => layer))).toEqual(new Set([0, 1, 2]));
    expect(sensitivities[1]!.drift.mean).toBeGreaterThan(1e-4);
    expect(driftOf(await run(idle), await run(graph))).toEqual(removed[0]!.drift);
  });
});
