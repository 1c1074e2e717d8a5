import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GraphTensor, OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE, elementCount, floatsOf, nodeOf, tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { driftOf, namesMatching, sensitivities, tooSensitive } from '../../../src/inference/build/quantise/drift.ts';
import { decode, groupCodes, tensorError } from '../../../src/inference/build/quantise/group-codes.ts';
import type { QuantiseMode, QuantiseOptions } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { calibrationRun } from '../../../workers/builds/calibration.ts';
import { bertInputs, bertShapedGraph, TINY_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';

const options = (bits: 8 | 4, modes: readonly QuantiseMode[], skip: readonly string[] = [], block = 32): QuantiseOptions => ({
  bits,
  modes,
  block,
  skip: new Set(skip),
});

const bert = bertShapedGraph(TINY_SHAPE);
const run = calibrationRun([bertInputs(TINY_SHAPE, 2, 7), bertInputs(TINY_SHAPE, 1, 20, 5)]);

describe('[MB1] codes of groups', () => {
  const numbers = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 40 });

  /** Where clipping pays: groups with a bell's tails. */
  const normal = fc.integer().map((seed) => {
    const rng = new Seeded(seed);
    return Array.from({ length: 32 }, () => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next()));
  });

  it('of 8 bits are off by at most half a scale', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 16 }), (values, group) => {
        const shape = { bits: 8, columns: values.length, group } as const;
        const codes = groupCodes(values, shape);
        const after = decode(codes, shape);
        values.forEach((value, i) => {
          const scale = codes.scales[Math.floor(i / group)]!;
          expect(Math.abs(after[i]! - value)).toBeLessThanOrEqual(scale * 0.5001 + Math.abs(value) * 1e-6 + 1e-40);
        });
      }),
      { seed: 18 },
    );
  });

  it('of 4 bits have at most the squared error of codes that clip nothing', () => {
    let gains = 0;
    fc.assert(
      fc.property(fc.oneof(numbers, normal), (values) => {
        const shape = { bits: 4, columns: values.length, group: values.length } as const;
        const after = decode(groupCodes(values, shape), shape);
        const scale = Math.fround(Math.max(...values.map(Math.abs)) / 7);
        const error = (valueOf: (value: number, i: number) => number) =>
          values.reduce((sum, value, i) => sum + (value - valueOf(value, i)) ** 2, 0);
        const unclipped = error((value) => (scale === 0 ? 0 : Math.fround(Math.round(value / scale) * scale)));
        const found = error((_, i) => after[i]!);
        expect(found).toBeLessThanOrEqual(unclipped * (1 + 1e-5) + 1e-12);
        if (found < unclipped * 0.99) gains++;
      }),
      { seed: 18 },
    );
    expect(gains).toBeGreaterThan(10);
  });

  it('keep zeros, and report what is not finite as an error without bound', () => {
    const shape = { bits: 4, columns: 4, group: 2 } as const;
    expect(decode(groupCodes([0, 0, 3, -3], shape), shape)).toEqual(Float32Array.of(0, 0, 3, -3));
    const broken = groupCodes([Number.NaN, 1, 1, 1], shape);
    expect(tensorError([Number.NaN, 1, 1, 1], decode(broken, shape)).errorMax).toBeNaN();
  });
});

/** A graph over one table of odd width and one product whose constant is transposed. */
function oddGraph(): OnnxGraph {
  const frame = bert.frame;
  const values = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * seed) * (1 + (i % 7)));
  return {
    ...bert,
    nodes: [
      nodeOf('Gather', ['table', 'input_ids'], 'rows'),
      nodeOf('ReduceMean', ['rows'], 'mean', {
        attributes: [
          { name: 'axes', ints: [1] },
          { name: 'keepdims', int: 0 },
        ],
      }),
      nodeOf('Gemm', ['mean', 'wide', 'bias'], 'last_hidden_state', { attributes: [{ name: 'transB', int: 1 }] }),
    ],
    tensors: new Map([
      ['table', tensorOf(DATA_TYPE.float32, [40, 45], values(1800, 1.7))],
      ['wide', tensorOf(DATA_TYPE.float32, [33, 45], values(1485, 0.9))],
      ['bias', tensorOf(DATA_TYPE.float32, [33], values(33, 2.3))],
    ]),
    inputs: ['input_ids'],
    frame,
  };
}

const oddRun = calibrationRun([{ input_ids: tensorOf(DATA_TYPE.int64, [2, 3], BigInt64Array.of(0n, 5n, 39n, 7n, 7n, 1n)) }]);

/** The graph with the decoded numbers in place of its constants: what every mode must compute. */
function decodedGraph(graph: OnnxGraph, asked: QuantiseOptions, columnsFirst: (name: string) => boolean): OnnxGraph {
  const tensors = new Map(graph.tensors);
  for (const { name, mode } of quantiseGraph(graph, asked).tensors) {
    if (mode !== 'kept') tensors.set(name, decoded(graph.tensors.get(name)!, asked, mode, columnsFirst(name)));
  }
  return { ...graph, tensors };
}

function decoded(tensor: GraphTensor, { bits, block }: QuantiseOptions, mode: QuantiseMode, byColumn: boolean): GraphTensor {
  const [rows, columns] = tensor.dims as [number, number];
  const values = floatsOf(tensor);
  const turn = (from: Float32Array, width: number) =>
    Float32Array.from(from, (_, i) => from[(i % (from.length / width)) * width + Math.floor(i / (from.length / width))]!);
  const lines = byColumn ? turn(values, columns) : values;
  const width = byColumn ? rows : elementCount(tensor.dims) / rows;
  const shape = { bits, columns: width, group: ['block', 'gbq', 'matmulnbits'].includes(mode) ? block : width };
  const after = decode(groupCodes(lines, shape), shape);
  return tensorOf(DATA_TYPE.float32, tensor.dims, byColumn ? turn(after, width) : after);
}

describe('[MB2] a quantised graph computes what decoded constants give', () => {
  const isProduct = (name: string) => name.startsWith('encoder.');
  it.each([
    [8, ['row', 'matmulnbits'], 1e-6],
    [4, ['row', 'matmulnbits'], 1e-6],
    [8, ['block', 'stored'], 1e-6],
    [4, ['block', 'matmulnbits'], 1e-6],
    [8, ['gbq', 'stored'], 1e-6],
    [4, ['gbq', 'matmulnbits'], 1e-6],
    [8, ['row', 'dynamic'], 1e-3],
  ] as [8 | 4, QuantiseMode[], number][])('of an encoder, %i bits, %j', async (bits, modes, driftMax) => {
    const asked = options(bits, modes);
    const { graph, tensors } = quantiseGraph(bert, asked);
    for (const mode of modes) expect(tensors.map((tensor) => tensor.mode)).toContain(mode);
    const drift = driftOf(await run(decodedGraph(bert, asked, isProduct)), await run(graph));
    expect(drift).toMatchObject({ inputs: 2, broken: 0 });
    expect(drift.max).toBeLessThan(driftMax);
    // And it is another graph: the codes do something.
    expect(driftOf(await run(bert), await run(graph)).max).toBeGreaterThan(drift.max);
  });

  it.each([
    [8, ['row', 'dynamic'], 1e-3],
    [4, ['row', 'matmulnbits'], 1e-6],
    [4, ['block', 'matmulnbits'], 1e-6],
    [4, ['gbq', 'matmulnbits'], 1e-6],
    [8, ['stored'], 1e-6],
  ] as [8 | 4, QuantiseMode[], number][])('of odd widths and a transposed constant, %i bits, %j', async (bits, modes, driftMax) => {
    const asked = options(bits, modes, [], 16);
    const { graph, tensors } = quantiseGraph(oddGraph(), asked);
    expect(tensors.map(({ mode }) => mode)).not.toContain('kept');
    const drift = driftOf(await oddRun(decodedGraph(oddGraph(), asked, () => false)), await oddRun(graph));
    expect(drift.max).toBeLessThan(driftMax);
  });

  it('of an old operator set, where the standard has no integer product', async () => {
    // Operator set 9 has none of the encoder's normalisation, so the old graph is a product alone.
    const old: OnnxGraph = {
      ...bert,
      nodes: [
        nodeOf('Cast', ['input_ids'], 'numbers', { attributes: [{ name: 'to', int: DATA_TYPE.float32 }] }),
        nodeOf('MatMul', ['numbers', 'weights'], 'last_hidden_state'),
      ],
      tensors: new Map([
        [
          'weights',
          tensorOf(
            DATA_TYPE.float32,
            [32, 32],
            Float32Array.from({ length: 1024 }, (_, i) => Math.cos(i)),
          ),
        ],
      ]),
      inputs: ['input_ids'],
      opsets: new Map([['', 9]]),
    };
    const oldRun = calibrationRun([
      {
        input_ids: tensorOf(
          DATA_TYPE.int64,
          [2, 32],
          BigInt64Array.from({ length: 64 }, (_, i) => BigInt(i % 11)),
        ),
      },
    ]);
    const { graph } = quantiseGraph(old, options(8, ['dynamic']));
    expect(graph.nodes.map(({ opType }) => opType)).toContain('DynamicQuantizeMatMul');
    const drift = driftOf(await oldRun(old), await oldRun(graph));
    expect(drift.broken).toBe(0);
    expect(drift.max).toBeLessThan(1e-3);
  });
});

describe('[MB3] the report', () => {
  it('has every large float constant, with its error or the reason to keep it', () => {
    const skipped = 'encoder.layer.1.output.dense.weight';
    const { tensors } = quantiseGraph(bert, options(4, ['block'], [skipped]));
    const large = [...bert.tensors].filter(([, { dims, dataType }]) => dataType === DATA_TYPE.float32 && elementCount(dims) >= 1024);
    expect(tensors.map(({ name }) => name)).toEqual(large.map(([name]) => name));
    const of = (name: string) => tensors.find((tensor) => tensor.name === name)!;
    expect(of(skipped)).toMatchObject({ mode: 'kept', reason: 'skipped by name', snrDb: null, cosine: 1 });
    expect(of('embeddings.position_embeddings.weight')).toMatchObject({ mode: 'kept', reason: 'Slice cannot read codes in its place' });
    expect(of('encoder.layer.0.output.dense.weight').reason).toContain('no mode that was given applies to a product');
    const words = of('embeddings.word_embeddings.weight');
    expect(words).toMatchObject({ mode: 'block', bytesBefore: 200 * 32 * 4 });
    expect(words.bytesAfter).toBeLessThan(words.bytesBefore / 5);
    expect(words.snrDb).toBeGreaterThan(15);
    expect(words.cosine).toBeGreaterThan(0.98);
    expect(words.errorMax).toBeGreaterThan(0);
  });

  it('says exact where nothing was lost, and matches names by patterns', () => {
    expect(tensorError([1, 2], [1, 2])).toEqual({ snrDb: null, errorMax: 0, cosine: 1 });
    expect(tensorError([3, 4], [3, 3])).toMatchObject({ snrDb: 10 * Math.log10(25), errorMax: 1 });
    expect([...namesMatching(['a.b', 'a.c', 'axb'], ['a.*'])]).toEqual(['a.b', 'a.c']);
  });
});

describe('[MB4] sensitivities', () => {
  it('find what hurts most when quantised alone, and keeping that helps most', async () => {
    const asked = options(4, ['matmulnbits']);
    const measured = await sensitivities(bert, asked, run);
    expect(measured.length).toBe(TINY_SHAPE.layers * 6);
    const [worst, second] = measured as [(typeof measured)[0], (typeof measured)[0]];
    expect(tooSensitive(measured, second.drift.mean)).toEqual([worst.name]);
    expect(tooSensitive(measured, worst.drift.mean)).toEqual([]);
    const before = await run(bert);
    const keeping = async (name: string) => driftOf(before, await run(quantiseGraph(bert, { ...asked, skip: new Set([name]) }).graph)).mean;
    expect(await keeping(worst.name)).toBeLessThan(await keeping(measured.at(-1)!.name));
    // One constant alone: what the graph with only that one quantised does.
    const others = measured.map(({ name }) => name).filter((name) => name !== worst.name);
    const alone = quantiseGraph(bert, { ...asked, skip: new Set(others) }).graph;
    expect(driftOf(before, await run(alone))).toEqual(worst.drift);
  });

  it('count outputs that break, and never take NaN for small', () => {
    const one = [Float32Array.of(1, 0)];
    expect(driftOf(one, [Float32Array.of(Number.NaN, 0)])).toEqual({ inputs: 1, mean: 2, max: 2, broken: 1 });
    expect(driftOf(one, [Float32Array.of(0, 0)])).toMatchObject({ broken: 1 });
    expect(driftOf(one, [])).toMatchObject({ broken: 1 });
    expect(driftOf([Float32Array.of(0, 0)], [Float32Array.of(0, 0)])).toMatchObject({ max: 0, broken: 0 });
    expect(tooSensitive([{ name: 'x', drift: driftOf(one, [Float32Array.of(Number.NaN, 0)]) }], 0.5)).toEqual(['x']);
  });
});
