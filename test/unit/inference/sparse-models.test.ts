import { beforeAll, describe, expect, it } from 'vitest';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import { paramOf } from '../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import type { GraphRunner, StartGraph } from '../../../src/inference/graph-runner.ts';
import type { EmbeddedTexts } from '../../../src/inference/served/model-calls.ts';
import { TokenRuns } from '../../../src/inference/served/token-runs.ts';
import { ModelHost } from '../../../src/inference/served/model-host.ts';
import { denseRows } from '../../../src/inference/served/sparse-rows.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { agentOnnx } from '../../../workers/agent/agent-onnx.ts';
import { bertReference } from '../../support/models/bert-reference.ts';
import type { Folder } from '../../support/models/model-folder.ts';
import { bertFolder, MemoryBucket, modelRef, servedFiles, VOCABULARY } from '../../support/models/model-folder.ts';
import { spladeFolder } from '../../support/models/splade-folder.ts';

let start: StartGraph;
beforeAll(async () => {
  start = (await agentOnnx(1, 'wasm')).start;
});

const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${paramOf(outcome.error)}: ${outcome.error.message}`);
  return outcome.value;
};
const refusalOf = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'done' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

async function hosted(files: Folder, using: StartGraph = start) {
  const bucket = new MemoryBucket();
  await bucket.put(files);
  const clock = { nowMs: () => Date.now() };
  const host = new ModelHost({
    bucket,
    start: using,
    isShared: true,
    clock,
    timer: systemTimer,
    wakeUps: new DirectWakeUps(),
    retryMs: MODEL_LIMITS.modelRetryMs,
  });
  const read = await host.readFolder('tenant', await servedFiles(files));
  return { host, read };
}

async function served(files: Folder, using?: StartGraph) {
  const { host, read } = await hosted(files, using);
  const { reading } = must(read);
  return { host, reading, ref: await modelRef(files, reading) };
}

const TEXTS = ['a', 'river lock', 'the keeper opens the gate of the canal at dawn and closes it', 'boat'];
const idsOf = (text: string): number[] => [2, ...text.split(' ').map((word) => VOCABULARY[word] ?? 1), 3];
const VOCABULARY_SIZE = 64;

/** The numbers that a sparse answer has for each text, at their places. */
const rowsOf = (embedded: EmbeddedTexts): number[][] => {
  const dense = denseRows(embedded, VOCABULARY_SIZE);
  return TEXTS.map((_, row) => [...dense.subarray(row * VOCABULARY_SIZE, (row + 1) * VOCABULARY_SIZE)]);
};

const ACTIVATE = {
  relu: (x: number) => Math.log(1 + Math.max(0, x)),
  log1p_relu: (x: number) => Math.log(1 + Math.log(1 + Math.max(0, x))),
};

/** SPLADE by its definition, of plain logits. */
function expected(logits: number[][], strategy: 'max' | 'sum', activation: keyof typeof ACTIVATE): number[] {
  return Array.from({ length: VOCABULARY_SIZE }, (_, at) => {
    const weights = logits.map((row) => ACTIVATE[activation](row[at] ?? 0));
    return strategy === 'max' ? Math.max(...weights) : weights.reduce((sum, x) => sum + x, 0);
  });
}

describe('sparse encoders', () => {
  const kinds = [
    { strategy: 'max', activation: 'relu' },
    { strategy: 'sum', activation: 'log1p_relu' },
  ] as const;

  it.each(kinds)(
    '[M180] [M181] SpladePooling with $strategy and $activation is made of the text’s own tokens',
    async ({ strategy, activation }) => {
      const folder = spladeFolder({ pooling: { pooling_strategy: strategy, activation_function: activation } });
      const { host, ref, reading } = await served(folder.files);
      expect(reading).toMatchObject({ task: 'sparse-embedding', dimensions: VOCABULARY_SIZE, pooling: strategy });
      const rows = rowsOf(must(await host.embedTexts(ref, TEXTS, undefined)));
      for (const [i, text] of TEXTS.entries()) {
        const wanted = expected(folder.logits(idsOf(text)), strategy, activation);
        for (const [at, weight] of rows[i]!.entries()) expect(weight).toBeCloseTo(wanted[at]!, 4);
      }
    },
  );

  it('[M180] columns tell pooled weights, taken as they are, from logits, taken as SPLADE v2', async () => {
    for (const answer of ['pooled', 'logits'] as const) {
      const folder = spladeFolder({ answer });
      const { host, ref, reading } = await served(folder.files);
      const pooling = answer === 'pooled' ? { pooling: 'none', activation: 'none' } : { pooling: 'max', activation: 'log1p-relu' };
      expect(reading).toMatchObject({
        task: 'sparse-embedding',
        dimensions: VOCABULARY_SIZE,
        isNormalised: false,
        tokensMax: 64,
        ...pooling,
      });
      expect(must(await host.verify(ref)).runsOn).toBe('edge');
      const rows = rowsOf(must(await host.embedTexts(ref, TEXTS, undefined)));
      for (const [i, text] of TEXTS.entries()) {
        const wanted = expected(folder.logits(idsOf(text)), 'max', 'relu');
        for (const [at, weight] of rows[i]!.entries()) expect(weight).toBeCloseTo(wanted[at]!, 4);
      }
    }
  });

  it('[M180] the owner’s task decides, and what does not fit the graph is refused by file and field', async () => {
    const { host } = await hosted(bertFolder().files);
    const files = async (folder: Folder) => servedFiles(folder);
    const dense = new Map([...bertFolder().files].filter(([path]) => path !== 'modules.json'));
    expect(refusalOf(await host.readFolder('tenant', await files(bertFolder().files), { task: 'sparse-embedding' }))).toContain(
      'files.modules.json: has the modules of a model for embedding',
    );
    expect(refusalOf(await host.readFolder('tenant', await files(dense), { task: 'sparse-embedding' }))).toContain(
      'files.onnx/model.onnx: answers last_hidden_state of 16 columns; a sparse encoder has one for each of the 64 tokens',
    );
    const bad = spladeFolder({ pooling: { pooling_strategy: 'mean' } });
    expect(refusalOf((await hosted(bad.files)).read)).toContain(
      'files.1_SpladePooling/config.json.pooling_strategy: is neither max nor sum',
    );
    const other = spladeFolder({ pooling: { activation_function: 'gelu' } });
    expect(refusalOf((await hosted(other.files)).read)).toContain('activation_function: is neither relu nor log1p_relu');
  });

  it('[M181] indices rise, and what is zero is left out; what is no number is refused', async () => {
    const folder = spladeFolder({ answer: 'pooled' });
    const { host, ref } = await served(folder.files);
    const { vectors, lengths } = must(await host.embedTexts(ref, ['river lock'], undefined));
    const indices = vectors.subarray(0, lengths![0]! / 2);
    const wanted = expected(folder.logits(idsOf('river lock')), 'max', 'relu').flatMap((weight, at) => (weight > 0 ? [at] : []));
    expect([...indices]).toEqual(wanted);
    expect(wanted.length).toBeLessThan(VOCABULARY_SIZE);
    const spoiling: StartGraph = async (graph) => {
      const runner = must(await start(graph));
      const run: GraphRunner['run'] = async (inputs, outputs) => {
        const answers = must(await runner.run(inputs, outputs));
        return {
          ok: true,
          value: answers.map((tensor) => ({
            ...tensor,
            data: (tensor.data as Float32Array<ArrayBuffer>).map((x, i) => (i === 3 ? NaN : x)),
          })),
        };
      };
      return { ok: true, value: { run, release: () => runner.release(), isLost: false } };
    };
    for (const answer of ['pooled', 'logits'] as const) {
      const spoilt = await served(spladeFolder({ answer }).files, spoiling);
      expect(refusalOf(await spoilt.host.embedTexts(spoilt.ref, ['river'], undefined))).toContain('numbers that are not finite');
    }
  });

  it('[M182] texts run together only while their logits are few', async () => {
    const vocabulary = 30_522;
    const shapes: (readonly number[])[] = [];
    const { reading } = await served(spladeFolder().files);
    const manifest = { ...reading, dimensions: vocabulary, files: [], contractHash: '' };
    const run: GraphRunner['run'] = async (inputs) => {
      const shape = [...inputs[0]!.shape, vocabulary];
      shapes.push(shape);
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      return { ok: true, value: [{ name: 'logits', type: 'float32', shape, data }] };
    };
    const inputs = [{ name: 'input_ids', type: 'int64' as const, shape: ['batch', 'sequence'] }];
    const runs = new TokenRuns({
      manifest,
      facts: { inputs, outputs: [], weightBytes: 0, external: new Map(), mixesRows: false },
      runner: { run, release: async () => undefined, isLost: false },
      padId: 0,
      answer: 'logits',
      sharing: { clock: { nowMs: () => 0 }, timer: systemTimer, wakeUps: new DirectWakeUps() },
      bounds: undefined,
    });
    const text = (tokens: number) => ({ ids: Array.from({ length: tokens }, () => 0), types: [] });
    must(await runs.run([...Array.from({ length: 20 }, () => text(20)), text(200)]));
    expect(shapes.map(([rows = 0, tokens = 0]) => [rows, tokens])).toEqual([
      [6, 20],
      [6, 20],
      [6, 20],
      [2, 20],
      [1, 200],
    ]);
  });
});

describe('token vectors', () => {
  it.each(['mean_tokens', 'cls_token'])('[M183] of a model that pools by %s are the states of all tokens that it saw', async (pooling) => {
    const folder = bertFolder('embedding', { pooling });
    const { host, ref } = await served(folder.files);
    const { vectors, lengths, tokens } = must(await host.embedTexts(ref, TEXTS, undefined, { output: 'tokens' }));
    expect([...lengths!]).toEqual([...tokens].map((count) => count * folder.shape.hidden));
    let at = 0;
    for (const text of TEXTS) {
      const ids = idsOf(text);
      const states = bertReference(
        folder.shape,
        folder.weights,
        ids,
        ids.map(() => 0),
      );
      for (const state of states) {
        const length = Math.hypot(...state);
        for (const number of state) expect(vectors[at++]).toBeCloseTo(number / length, 4);
      }
    }
    expect(at).toBe(vectors.length);
  });

  it('[M183] a prompt’s tokens are among them, and vectors of other forms are refused by name', async () => {
    const { host, ref } = await served(bertFolder().files);
    const asked = must(await host.embedTexts(ref, ['river'], 'query', { output: 'tokens' }));
    expect([...asked.tokens]).toEqual([4]);
    expect(refusalOf(await host.embedTexts(ref, ['river'], undefined, { output: 'sparse' }))).toBe(
      'invalid_value output: is sparse; the model makes dense and tokens',
    );
    const sparse = await served(spladeFolder().files);
    for (const output of ['dense', 'tokens'] as const)
      expect(refusalOf(await sparse.host.embedTexts(sparse.ref, ['river'], undefined, { output }))).toBe(
        `invalid_value output: is ${output}; the model makes sparse`,
      );
    const pooled = await modelRef(bertFolder().files, { ...(await served(bertFolder().files)).reading, pooling: 'none' });
    expect(refusalOf(await host.embedTexts(pooled, ['river'], undefined, { output: 'tokens' }))).toContain(
      'is tokens; the model makes dense',
    );
  });
});
