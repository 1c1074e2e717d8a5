import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OnnxGraph } from '../../../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE, nodeOf, tensorOf } from '../../../../src/inference/build/graph/onnx-graph.ts';
import { STATIC_TABLE_NAMES } from '../../../../src/inference/static/static-model.ts';
import { sha256Hex } from '../../../../src/kernel/bytes.ts';
import type { DerivedRecipe } from '../../../../workers/builds/model-folder.ts';
import { writeOnnxGraph } from '../../../../workers/builds/onnx-graph-file.ts';
import type { QuantiseReport } from '../../../../workers/builds/quantise-folder.ts';
import { quantize } from '../../../../workers/cli/models/quantize.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { bertInputs, bertShapedGraph, TINY_SHAPE } from '../../../support/fixtures/bert-shaped-graph.ts';

let folder: string;
const at = (...path: string[]) => join(folder, ...path);
const json = async (...path: string[]): Promise<unknown> => JSON.parse(await readFile(at(...path), 'utf8'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-quantize-'));
  await mkdir(at('encoder/onnx'), { recursive: true });
  await writeFile(at('encoder/onnx/model.onnx'), writeOnnxGraph(bertShapedGraph(TINY_SHAPE)));
  await writeFile(at('encoder/tokenizer.json'), '{}');
  await writeFile(at('encoder/recipe.json'), '{"of": "the source"}');
  const inputs = Object.entries(bertInputs(TINY_SHAPE, 1, 6)).map(([name, { dims, bytes }]) => [
    name,
    { type: 'int64', dims, data: [...new BigInt64Array(bytes.slice().buffer)].map(Number) },
  ]);
  await writeFile(at('inputs.jsonl'), `${JSON.stringify({ inputs: Object.fromEntries(inputs) })}\n`);
});

afterAll(() => rm(folder, { recursive: true }));

describe('[MB5] sluice models quantize', () => {
  it('writes a whole model folder: graph, other files, recipe, report', async () => {
    const source = await readFile(at('encoder/onnx/model.onnx'));
    const { status, stdout } = await carriedOut(quantize(), at('encoder'), '--out', at('int8'), '--calibrate', at('inputs.jsonl'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/drift of the outputs on 1 inputs: mean \d\.\d\de-\d/);
    const written = await readFile(at('int8/onnx/model.onnx'));
    expect(written.length).toBeLessThan(source.length * 0.6);
    const recipe = (await json('int8/recipe.json')) as DerivedRecipe;
    const file = async (bytes: Buffer) => ({
      path: 'onnx/model.onnx',
      bytes: bytes.length,
      sha256: await sha256Hex(new Uint8Array(bytes)),
    });
    expect(recipe).toMatchObject({ inputs: [await file(source)], outputs: [await file(written)], parameters: { bits: 8 } });
    const report = (await json('int8/report.json')) as QuantiseReport;
    expect(report.drift).toMatchObject({ inputs: 1, broken: 0 });
    expect(report.drift?.mean).toBeGreaterThan(0);
    expect(report.drift?.mean).toBeLessThan(0.01);
    expect(await readFile(at('int8/tokenizer.json'), 'utf8')).toBe('{}');
    expect(await carriedOut(quantize(), at('encoder'), '--out', at('int8'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is not empty'),
    });
  });

  it('keeps what a bound on the drift demands', async () => {
    const args = ['--mode', 'matmulnbits', '--bits', '4', '--calibrate', at('inputs.jsonl'), '--drift-max', '0.0001'];
    const { status } = await carriedOut(quantize(), at('encoder'), '--out', at('careful'), ...args, '--skip', 'encoder.layer.2.*');
    expect(status).toBe(0);
    const { tensors, sensitivities } = (await json('careful/report.json')) as QuantiseReport;
    const kept = new Set(tensors.filter(({ mode }) => mode === 'kept').map(({ name }) => name));
    expect(sensitivities!.length).toBe(12);
    for (const { name, drift } of sensitivities!) expect(kept.has(name)).toBe(drift.mean > 0.0001);
    expect(kept.has('encoder.layer.2.output.dense.weight')).toBe(true);
  });

  it('takes texts for calibration where the graph has a vocabulary', async () => {
    const bert = bertShapedGraph(TINY_SHAPE);
    const table = Float32Array.from({ length: 40 * 32 }, (_, i) => (i < 32 ? 0 : Math.sin(i)));
    const model: OnnxGraph = {
      ...bert,
      nodes: [nodeOf('Gather', ['table', 'input_ids'], 'rows'), nodeOf('ReduceSum', ['rows', 'axis'], 'last_hidden_state')],
      tensors: new Map([
        ['table', tensorOf(DATA_TYPE.float32, [40, 32], table)],
        ['axis', tensorOf(DATA_TYPE.int64, [1], BigInt64Array.of(1n))],
      ]),
      inputs: ['input_ids'],
      metadata: new Map([[STATIC_TABLE_NAMES.vocabulary, Array.from({ length: 39 }, (_, i) => `w${i}`).join('\n')]]),
    };
    await writeFile(at('static.onnx'), writeOnnxGraph(model));
    await writeFile(at('texts.jsonl'), '{"text": "w1 w2 unknown"}\n{"text": ""}\n');
    const { status, stdout } = await carriedOut(
      quantize(),
      at('static.onnx'),
      '--out',
      at('static'),
      '--bits',
      '4',
      '--calibrate',
      at('texts.jsonl'),
    );
    expect(status).toBe(0);
    expect(stdout).toContain('on 2 inputs');
  });

  it.each([
    ['an unknown mode', ['--mode', 'ternary'], 2, 'it is one of row, block, gbq'],
    ['a mode that has no such bits', ['--mode', 'dynamic', '--bits', '4'], 2, 'mode dynamic needs 8 bits'],
    ['a bound without inputs', ['--drift-max', '0.1'], 2, '--drift-max needs --calibrate'],
    ['nothing to quantise', ['--skip', '*'], 1, 'nothing was quantised: skipped by name'],
    ['inputs that are none', ['--calibrate', 'BROKEN'], 2, 'line 1: expected {"text": ...}'],
    ['a text without a tokeniser', ['--calibrate', 'TEXT'], 2, 'the model has no tokeniser'],
  ])('refuses %s', async (_, args, status, message) => {
    await writeFile(at('BROKEN'), 'nonsense\n');
    await writeFile(at('TEXT'), '{"text": "x"}\n');
    const given = args.map((arg) => (arg === 'BROKEN' || arg === 'TEXT' ? at(arg) : arg));
    const answer = await carriedOut(quantize(), at('encoder'), '--out', at('refused'), ...given);
    expect(answer).toMatchObject({ status, stderr: expect.stringContaining(message) });
  });

  it('refuses a file that is no graph, and data outside the folder', async () => {
    await writeFile(at('broken.onnx'), Buffer.from('this is no ONNX file'));
    const broken = await carriedOut(quantize(), at('broken.onnx'), '--out', at('refused'));
    expect(broken).toMatchObject({ status: 1, stderr: expect.stringContaining('cannot be read as an ONNX file') });
    const { default: onnxProto } = await import('onnx-proto');
    const { ModelProto, TensorProto } = onnxProto.onnx;
    const external = { key: 'location', value: '../../etc/passwd' };
    const tensor = { name: 'w', dims: [2000], dataType: 1, dataLocation: TensorProto.DataLocation.EXTERNAL, externalData: [external] };
    await writeFile(
      at('outside.onnx'),
      ModelProto.encode(ModelProto.create({ irVersion: 8, graph: { name: 'g', initializer: [tensor] } })).finish(),
    );
    const outside = await carriedOut(quantize(), at('outside.onnx'), '--out', at('refused'));
    expect(outside).toMatchObject({ status: 1, stderr: expect.stringContaining('lies outside its folder') });
  });
});
