import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA_TYPE, nodeOf, tensorOf } from '../../../../src/inference/build/graph/onnx-graph.ts';
import type { OnnxGraph } from '../../../../src/inference/build/graph/onnx-graph.ts';
import type { CardSources } from '../../../../src/inference/build/gate/model-card.ts';
import { STATIC_TABLE_NAMES } from '../../../../src/inference/static/static-model.ts';
import { card } from '../../../../workers/cli/models/card.ts';
import { gate } from '../../../../workers/cli/models/gate.ts';
import { writeOnnxGraph } from '../../../../workers/builds/onnx-graph-file.ts';
import { quantize } from '../../../../workers/cli/models/quantize.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { bertFolder } from '../../../support/models/model-folder.ts';
import { bertShapedGraph, TINY_SHAPE } from '../../../support/fixtures/bert-shaped-graph.ts';

const WORDS = 60;
let folder: string;
const at = (...path: string[]) => join(folder, ...path);

/** A static model over `w0 .. w59`, with `numberOf` each number of its table. */
function wordModel(numberOf: (i: number) => number): OnnxGraph {
  const table = Float32Array.from({ length: (WORDS + 1) * 32 }, (_, i) => (i < 32 ? 0 : numberOf(i)));
  return {
    ...bertShapedGraph(TINY_SHAPE),
    nodes: [
      nodeOf('Gather', ['table', 'input_ids'], 'rows'),
      nodeOf('ReduceSum', ['rows', 'axis'], 'last_hidden_state', { attributes: [{ name: 'keepdims', int: 0 }] }),
    ],
    tensors: new Map([
      ['table', tensorOf(DATA_TYPE.float32, [WORDS + 1, 32], table)],
      ['axis', tensorOf(DATA_TYPE.int64, [1], BigInt64Array.of(1n))],
    ]),
    inputs: ['input_ids'],
    metadata: new Map([[STATIC_TABLE_NAMES.vocabulary, Array.from({ length: WORDS }, (_, i) => `w${i}`).join('\n')]]),
  };
}

async function put(name: string, model: OnnxGraph): Promise<void> {
  await mkdir(at(name), { recursive: true });
  await writeFile(at(name, 'model.onnx'), writeOnnxGraph(model));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-gate-'));
  await put(
    'base',
    wordModel((i) => Math.sin(i * 1.3) + Math.cos(i * i)),
  );
  await put(
    'other',
    wordModel((i) => Math.sin(i * 7.7) - Math.cos(i * i * 3)),
  );
  const lines = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
  const numbers = Array.from({ length: WORDS }, (_, i) => i);
  await writeFile(at('documents.jsonl'), lines(numbers.map((i) => ({ id: `d${i}`, text: `w${i} w${(i * 7) % WORDS}` }))));
  await writeFile(at('queries.jsonl'), lines(numbers.map((i) => ({ text: `w${i}`, relevant: { [`d${i}`]: 2 } }))));
  await writeFile(
    at('pairs.jsonl'),
    lines(numbers.map((i) => ({ left: `w${i} w1`, right: `w${i} w${i % 5}`, score: i % 5 === 1 ? 5 : 1 }))),
  );
});

afterAll(() => rm(folder, { recursive: true }));

const texts = () => ['--documents', at('documents.jsonl'), '--queries', at('queries.jsonl')];

describe('[MB6] sluice models gate', () => {
  it('passes a quantised model, and refuses another with status 1', async () => {
    expect((await carriedOut(quantize(), at('base'), '--out', at('int8'))).status).toBe(0);
    const passed = await carriedOut(gate(), at('int8'), '--against', at('base'), ...texts(), '--pairs', at('pairs.jsonl'));
    expect(passed).toMatchObject({ status: 0, stdout: expect.stringContaining('passes') });
    const refused = await carriedOut(gate(), at('other'), '--against', at('base'), ...texts());
    expect(refused).toMatchObject({ status: 1, stdout: expect.stringContaining('refused') });
    const lenient = await carriedOut(
      gate(),
      at('other'),
      '--against',
      at('base'),
      ...texts(),
      '--overlap-min',
      '0.01',
      '--ndcg-min',
      '0.01',
    );
    expect(lenient.status).toBe(0);
  });

  it('[MB14] takes documents and queries of one file, by ids or grades, as it takes them of two', async () => {
    const documents = await readFile(at('documents.jsonl'), 'utf8');
    const queries = Array.from({ length: WORDS }, (_, i) =>
      JSON.stringify({ query: `w${i}`, relevant: i % 2 === 0 ? [`d${i}`] : { [`d${i}`]: 1 } }),
    );
    await writeFile(at('both.jsonl'), `${documents}\n${queries.join('\n')}\n`);
    const against = [at('other'), '--against', at('base')];
    const verdict = async () => JSON.parse(await readFile(at('other/gate.json'), 'utf8')) as unknown;
    await carriedOut(gate(), ...against, '--retrieval', at('both.jsonl'), '--sts', at('pairs.jsonl'));
    const ofOne = await verdict();
    await carriedOut(gate(), ...against, ...texts(), '--pairs', at('pairs.jsonl'));
    const ofTwo = (await verdict()) as { ndcgAt10: object };
    // One document answers each query, so that its grade changes nothing.
    expect(ofOne).toEqual(ofTwo);
    await writeFile(at('lonely.jsonl'), '{"id": "d", "text": "w1"}\n{"query": "w1", "relevant": ["e"]}\n');
    expect(await carriedOut(gate(), ...against, '--retrieval', at('lonely.jsonl'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('line 2: no document has the id "e"'),
    });
  });

  it('[MB14] judges models with a tokeniser file as they are served: prompts, pooling and long texts', async () => {
    const { files } = bertFolder();
    for (const [path, bytes] of files) {
      await mkdir(dirname(at('encoder', path)), { recursive: true });
      await writeFile(at('encoder', path), bytes);
    }
    const lines = ['river', 'lock', 'gate', 'boat', 'weir', 'rain', 'canal', 'bank', 'keeper', 'dawn', 'water', 'flow'];
    const rows = lines.flatMap((word, i) => [
      { id: word, text: `the ${word} of the ${lines[(i + 1) % lines.length]} ${'and the '.repeat(40)}` },
      { query: word, relevant: [word] },
    ]);
    await writeFile(at('canals.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const same = await carriedOut(gate(), at('encoder'), '--against', at('encoder'), '--retrieval', at('canals.jsonl'));
    expect(same, JSON.stringify(same)).toMatchObject({ status: 0 });
    const words = await carriedOut(gate(), at('other'), '--against', at('encoder'), '--retrieval', at('canals.jsonl'));
    expect(words.status).toBe(1);
    // Calibration by texts, too.
    await writeFile(at('texts.jsonl'), lines.map((text) => JSON.stringify({ text })).join('\n'));
    const quantised = await carriedOut(quantize(), at('encoder'), '--out', at('encoder8'), '--calibrate', at('texts.jsonl'));
    expect(quantised).toMatchObject({ status: 0, stdout: expect.stringContaining('drift of the outputs on 12 inputs') });
  });

  it('says what is wrong with its texts', async () => {
    await writeFile(at('wrong.jsonl'), '{"text": "w1", "relevant": {"absent": 1}}\n');
    const answer = await carriedOut(
      gate(),
      at('other'),
      '--against',
      at('base'),
      '--documents',
      at('documents.jsonl'),
      '--queries',
      at('wrong.jsonl'),
    );
    expect(answer).toMatchObject({ status: 2, stderr: expect.stringContaining('line 1: no document has the id "absent"') });
    const half = await carriedOut(gate(), at('other'), '--against', at('base'), '--documents', at('documents.jsonl'));
    expect(half).toMatchObject({ status: 2, stderr: expect.stringContaining('--documents and --queries go together') });
  });
});

describe('[MB8] the card of a model', () => {
  it('is made from recipe, report and verdict, and has no figure of its own', async () => {
    expect((await carriedOut(quantize(), at('base'), '--out', at('carded'))).status).toBe(0);
    expect((await carriedOut(card(), at('carded'))).status).toBe(0);
    expect(await readFile(at('carded/CARD.md'), 'utf8')).toContain('Not measured.');
    await carriedOut(gate(), at('carded'), '--against', at('base'), ...texts());
    expect((await carriedOut(card(), at('carded'))).status).toBe(0);
    const text = await readFile(at('carded/CARD.md'), 'utf8');
    const sources = JSON.parse(await readFile(at('carded/card.json'), 'utf8')) as CardSources;
    expect(text).toContain(`| overlap@10 | ${String(Number(sources.verdict!.overlapAt10.value.toPrecision(4)))} | at least 0.95 | yes |`);
    expect(text).toContain(sources.recipe.outputs[0]!.sha256);
    const figures = numbersIn(JSON.parse(JSON.stringify(sources)));
    for (const [number] of text.replaceAll(/`[^`]*`/g, '').matchAll(/(?<![\w@.])\d+(\.\d+)?(e[+-]?\d+)?(?![\w.])/g))
      expect(figures, number).toContain(Number(number));
  });

  it('needs a recipe', async () => {
    expect(await carriedOut(card(), at('base'))).toMatchObject({ status: 2, stderr: expect.stringContaining('has no recipe.json') });
  });
});

/** Every number in a value, to four digits, and the length of every list. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value, Number(value.toPrecision(4))];
  if (Array.isArray(value)) return [value.length, ...value.flatMap(numbersIn)];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(numbersIn) : [];
}
