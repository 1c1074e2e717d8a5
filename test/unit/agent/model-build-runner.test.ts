import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Assignment } from '../../../src/contract/pools/agent-protocol.ts';
import { BUILD_OUTPUTS, inputFilesOf } from '../../../src/contract/jobs/job-facts.ts';
import type { ModelBuild } from '../../../src/contract/jobs/model-builds.ts';
import { readStaticTable } from '../../../src/inference/static/static-model.ts';
import type { ModelReading } from '../../../src/inference/served-manifest.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { AttemptScope, RunEnd } from '../../../workers/agent/job-runner.ts';
import { modelBuildRunner } from '../../../workers/agent/model-build-runner.ts';
import { readModelFolder } from '../../../workers/builds/model-folder.ts';
import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { quantiseFolder } from '../../../workers/builds/quantise-folder.ts';
import { manifestOf, modelFile } from '../../support/fixtures/default-model.ts';
import type { Folder } from '../../support/models/model-folder.ts';
import { bertFolder, modelRef } from '../../support/models/model-folder.ts';

const READING: ModelReading = {
  task: 'embedding',
  graph: 'onnx/model.onnx',
  externalData: [],
  tokensMax: 32,
  dimensions: 16,
  pooling: 'mean',
  isNormalised: true,
  labels: [],
  activation: 'none',
  prompts: {},
};
const WORDS = ['river', 'lock', 'gate', 'boat', 'weir', 'rain', 'canal', 'bank', 'keeper', 'dawn', 'water', 'flow'];
const RETRIEVAL = WORDS.flatMap((word, i) => [
  { id: word, text: `the ${word} of the ${WORDS[(i + 1) % WORDS.length]}` },
  { query: word, relevant: [word] },
]);
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const files = { retrieval_file: lines(RETRIEVAL), calibration_file: lines(WORDS.map((text) => ({ text }))) } as Record<
  string,
  string | Uint8Array
>;
const encoder = bertFolder();

let folder: string;
let stored: Map<string, Buffer>;
let log: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-build-'));
  stored = new Map();
  log = '';
});

afterEach(() => rm(folder, { recursive: true }));

async function write(root: string, contents: Folder): Promise<void> {
  for (const [path, bytes] of contents) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
  }
}

/** Runs an attempt at a job, whose files and model the gateway has. */
async function run(work: object, signal = new AbortController().signal): Promise<RunEnd> {
  const attempt = await mkdtemp(join(folder, 'attempt-'));
  const common = { attempt: 'att_1', fence: 1, register: { name: 'own', stage: 'verified' } };
  const assignment = { ...common, ...work } as unknown as Assignment & ModelBuild;
  const ref = await modelRef(encoder.files, READING);
  const scope: Partial<AttemptScope<'quantize'>> = {
    assignment: assignment as never,
    folder: attempt,
    signal,
    onProgress: () => undefined,
    log: { write: (bytes: Buffer) => (log += String(bytes)) } as never,
    model: {
      find: async () => ref,
      download: async () => ok(''),
      downloadWhole: async (_, root) => (await write(root, encoder.files), ok(null)),
    },
    artifacts: {
      fetchInput: async (index: number, path: string) => {
        const field = String(inputFilesOf(assignment)[index]?.field.at(-1));
        await writeFile(path, files[field] ?? '');
      },
      storeOutput: async (index: number, path: string) => {
        const bytes = await readFile(path);
        stored.set(BUILD_OUTPUTS[index] ?? '', bytes);
        return { index, bytes: bytes.length, sha256: await sha256Hex(new Uint8Array(bytes)) };
      },
    } as never,
  };
  const manifest = manifestOf('static', '2');
  const catalogue = new Map<string, Uint8Array<ArrayBuffer>>([
    ['glove-sif-100/manifest.json', new TextEncoder().encode(JSON.stringify({ models: [manifest] }))],
    [manifest.file.path, modelFile],
  ]);
  return modelBuildRunner<'quantize'>({ read: async (path) => catalogue.get(path) })(scope as AttemptScope<'quantize'>);
}

const QUANTIZE = {
  kind: 'quantize',
  model: 'encoder',
  bits: 8,
  block: 32,
  skip: [],
  gate: { retrieval_file: 'file_r', overlap_min: 0.7, ndcg_min: 0.7 },
};
const report = () => JSON.parse(String(stored.get('report.json'))) as object;

describe('[J256] jobs that make models', () => {
  it('quantise by the functions of the command line, and say what was measured', async () => {
    const end = await run({ ...QUANTIZE, calibration_file: 'file_c' });
    expect(end, log).toMatchObject({ kind: 'done', progress: { completed: 1 }, tokens: 0 });
    const root = join(folder, 'same');
    await write(root, encoder.files);
    const same = await quantiseFolder(await readModelFolder(root), { bits: 8, block: 32, skip: [] });
    expect(new Uint8Array(stored.get('model.onnx')!)).toEqual(writeOnnxGraph(same.graph));
    expect(report()).toMatchObject({ parents: ['test@1'], drift: { inputs: 12, broken: 0 }, gate: { passes: true, queries: 12 } });
    const sha256 = await sha256Hex(new Uint8Array(stored.get('model.onnx')!));
    expect(JSON.parse(String(stored.get('recipe.json')))).toMatchObject({ parameters: { bits: 8 }, outputs: [{ sha256 }] });
  });

  it('end with gate_refused and the report in the log where the gate refuses', async () => {
    const bits = { bits: 4, gate: { retrieval_file: 'file_r' } };
    const end = await run({ ...QUANTIZE, ...bits });
    expect(end).toMatchObject({
      kind: 'failed',
      reason: 'gate_refused',
      message: expect.stringMatching(/test@1 is better: .*ndcg@10 ratio is 0\.\d+, and must be at least 0\.98/),
    });
    expect(stored.size).toBe(0);
    expect(JSON.parse(log)).toMatchObject({ parents: ['test@1'], gate: { passes: false } });
  });

  it('prune encoders by what the outputs miss least, and refuse what the model has not', async () => {
    const prune = { kind: 'prune', model: 'encoder', gate: { retrieval_file: 'file_r', overlap_min: 0, ndcg_min: 0 } };
    const without = await run({ ...prune, layers: 1 });
    expect(without).toMatchObject({ kind: 'failed', reason: 'input_invalid', message: expect.stringContaining('calibration inputs') });
    const words = await run({ ...prune, words: 5 });
    expect(words).toMatchObject({ reason: 'input_invalid', message: expect.stringContaining('for static models') });
  });

  it('name files by their fields, and no folder of the machine', async () => {
    files['sts_file'] = '{"left": "a"}\n';
    const end = await run({ ...QUANTIZE, gate: { ...QUANTIZE.gate, sts_file: 'file_s' } });
    expect(end).toMatchObject({ kind: 'failed', reason: 'input_invalid', message: expect.stringMatching(/^sts\.jsonl, line 1: /) });
    expect(log).not.toContain(folder);
    expect(log).not.toBe('');
  });

  it('distil a static student, refused below the recall that is asked for', async () => {
    const rows = Array.from({ length: 24 }, (_, i) => ({ text: `${WORDS[i % 12]} ${WORDS[(i * 5 + 1) % 12]} ${WORDS[(i * 7 + 2) % 12]}` }));
    files['texts_file'] = lines(rows);
    const vectors = Float32Array.from({ length: 24 * 4 }, (_, i) => Math.sin((i >> 2) * 1.7 + (i & 3)));
    files['vectors_file'] = new Uint8Array(vectors.buffer);
    const distill = {
      kind: 'distill',
      texts_file: 'file_t',
      vectors_file: 'file_v',
      field: 'text',
      words: 200,
      folds: 2,
      model: undefined,
    };
    const refused = await run({ ...distill, recall_min: 1 });
    expect(refused).toMatchObject({ reason: 'gate_refused', message: expect.stringContaining('must be at least 1') });
    const end = await run({ ...distill, recall_min: 0 });
    expect(end, log).toMatchObject({ kind: 'done' });
    expect(report()).toMatchObject({ parents: ['glove-sif-100@2'], heldOut: { texts: 24, folds: 2 } });
    const table = readStaticTable(new Uint8Array(stored.get('model.onnx')!));
    expect(table).toMatchObject({ ok: true, value: { dimensions: 4 } });
  });

  it('stop at once when the attempt must', async () => {
    const stop = new AbortController();
    const running = run(QUANTIZE, stop.signal);
    stop.abort('cancelled');
    await expect(running).rejects.toBe('cancelled');
    expect(stored.size).toBe(0);
  });
});
