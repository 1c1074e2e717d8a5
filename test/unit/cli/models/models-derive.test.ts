import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { staticGraph } from '../../../../src/inference/build/prune/static-graph.ts';
import { distil } from '../../../../workers/cli/models/distil.ts';
import { MODEL_FOLDER } from '../../../../workers/cli/models/glove-sif-100.ts';
import { readModelFolder } from '../../../../workers/builds/model-folder.ts';
import { writeOnnxGraph } from '../../../../workers/builds/onnx-graph-file.ts';
import { prune } from '../../../../workers/cli/models/prune.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { bertInputs, bertShapedGraph, TINY_SHAPE } from '../../../support/fixtures/bert-shaped-graph.ts';

const TEXTS = 24;
let folder: string;
const at = (...path: string[]) => join(folder, ...path);
const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(at(path), 'utf8'));
const staticOf = async (name: string) => staticGraph((await readModelFolder(at(name))).graph)!;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-derive-'));
  const words = ['river', 'garden', 'music', 'town', 'bridge', 'water'];
  const lines = Array.from({ length: TEXTS }, (_, i) => `${words[i % 6]} ${words[(i * 5 + 1) % 6]} zzqx${i % 3}`);
  await writeFile(at('texts.jsonl'), lines.map((body, i) => JSON.stringify({ body, page: `p${i % 8}` })).join('\n'));
  await writeFile(
    at('vectors.bin'),
    new Uint8Array(Float32Array.from({ length: TEXTS * 4 }, (_, i) => Math.sin(1 + (Math.floor(i / 4) % 6) * 2 + (i % 4))).buffer),
  );
  expect((await carriedOut(prune(), MODEL_FOLDER, '--out', at('few'), '--words', '500', '--dimensions', '16')).status).toBe(0);
  await writeFile(at('corpus.txt'), 'the river and the town\nmusic\n');
  await writeFile(at('encoder.onnx'), writeOnnxGraph(bertShapedGraph(TINY_SHAPE)));
  const inputs = Object.entries(bertInputs(TINY_SHAPE, 1, 6)).map(([name, { dims, bytes }]) => [
    name,
    { type: 'int64', dims, data: [...new BigInt64Array(bytes.slice().buffer)].map(Number) },
  ]);
  await writeFile(at('inputs.jsonl'), JSON.stringify({ inputs: Object.fromEntries(inputs) }));
});

afterAll(() => rm(folder, { recursive: true }));

describe('[MB12] sluice models prune', () => {
  it('keeps the words of a corpus, or the most frequent, and fewer dimensions', async () => {
    expect((await carriedOut(prune(), MODEL_FOLDER, '--out', at('corpus'), '--corpus', at('corpus.txt'))).status).toBe(0);
    expect([...(await staticOf('corpus')).words].sort()).toEqual(['and', 'music', 'river', 'the', 'town']);
    const few = await staticOf('few');
    expect([few.words.length, few.table.columns]).toEqual([500, 16]);
    expect(await json('few/report.json')).toMatchObject({ words: 500, dimensions: 16 });
  });

  it.each([
    ['nothing to leave out', ['IN'], 2, 'Say what to leave out'],
    ['more dimensions than there are', ['IN', '--dimensions', '17'], 2, 'the model has 16'],
    ['layers without inputs', ['ENCODER', '--layers', '1'], 2, '--layers needs --calibrate'],
    ['words of an encoder', ['ENCODER', '--words', '10'], 2, 'are for static models'],
    ['more layers than can go', ['ENCODER', '--layers', '3', '--calibrate', 'INPUTS'], 2, 'the graph has 2 layers'],
  ])('refuses %s', async (_, args, status, message) => {
    const paths: Record<string, string> = { IN: at('few'), ENCODER: at('encoder.onnx'), INPUTS: at('inputs.jsonl') };
    const answer = await carriedOut(prune(), ...args.map((arg) => paths[arg] ?? arg), '--out', at('refused'));
    expect(answer).toMatchObject({ status, stderr: expect.stringContaining(message) });
  });
});

it('[MB13] sluice models prune --layers leaves out what the outputs miss least', async () => {
  const answer = await carriedOut(prune(), at('encoder.onnx'), '--out', at('shallow'), '--layers', '1', '--calibrate', at('inputs.jsonl'));
  expect(answer.status).toBe(0);
  const report = (await json('shallow/report.json')) as {
    removed: { layer: number }[];
    sensitivities: { layer: number; drift: { mean: number } }[];
  };
  expect(report.sensitivities).toHaveLength(2);
  expect(report.sensitivities[0]!.drift.mean).toBeLessThanOrEqual(report.sensitivities[1]!.drift.mean);
  expect(report.removed.map(({ layer }) => layer)).toEqual([report.sensitivities[0]!.layer]);
});

describe('[MB10] sluice models distil', () => {
  const given = () => ['--texts', at('texts.jsonl'), '--field', 'body', '--base', at('few')];

  it('writes a static model with what it reached on texts it never saw', async () => {
    const args = [...given(), '--vectors', at('vectors.bin'), '--group', 'page', '--folds', '4', '--out', at('student')];
    const answer = await carriedOut(distil(), ...args);
    expect(answer).toMatchObject({ status: 0, stdout: expect.stringContaining("recall@10 in the teacher's own index") });
    const student = await staticOf('student');
    expect(student.table.columns).toBe(4);
    expect(student.words).toContain('zzqx1');
    const { heldOut } = (await json('student/report.json')) as { heldOut: { texts: number; folds: number; settings: unknown[] } };
    expect(heldOut).toMatchObject({ texts: TEXTS, folds: 4 });
    expect(heldOut.settings).toHaveLength(4);
    // The student is a model like any other: it can be the next one's teacher.
    const again = await carriedOut(distil(), ...given(), '--teacher', at('student'), '--folds', '2', '--out', at('grandchild'));
    expect(again.status).toBe(0);
  });

  it.each([
    ['no teacher', [], 'Give either --vectors or --teacher'],
    ['vectors of another number of texts', ['--vectors', 'CORPUS'], 'no whole number of float32'],
    ['a field that is absent', ['--vectors', 'VECTORS', '--field', 'text'], 'line 1: its field text is no text'],
    ['a folder with files', ['--vectors', 'VECTORS', '--out', 'FOLDER'], 'is not empty'],
  ])('refuses %s', async (_, args, message) => {
    const paths: Record<string, string> = { CORPUS: at('corpus.txt'), VECTORS: at('vectors.bin'), FOLDER: folder };
    const answer = await carriedOut(distil(), ...given(), '--folds', '2', '--out', at('refused'), ...args.map((arg) => paths[arg] ?? arg));
    expect(answer).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
  });
});
