import { describe, expect, it } from 'vitest';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { quantiseRows } from '../../../src/inference/build/matrix.ts';
import { readingOf } from '../../../src/inference/registry/version-manifest.ts';
import { ModelHost } from '../../../src/inference/served/model-host.ts';
import { readStaticTable } from '../../../src/inference/static/static-model.ts';
import { SUBWORD_BUCKETS } from '../../../src/inference/static/subword-pieces.ts';
import { HASH_EMPTY, hashByte } from '../../../src/inference/static/vocabulary.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { must } from '../../../src/kernel/assert.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { constantBytes } from '../../../src/inference/build/graph/onnx-graph.ts';
import type { OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import type { ModelFolder } from '../../../workers/builds/model-folder.ts';
import { readOnnxGraph, writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { pruneFolder } from '../../../workers/builds/prune-folder.ts';
import { quantiseFolder } from '../../../workers/builds/quantise-folder.ts';
import { writeOnnx } from '../../../workers/builds/write-onnx.ts';
import { defaultModel, modelFile } from '../../support/fixtures/default-model.ts';
import type { Folder } from '../../support/models/model-folder.ts';
import { MemoryBucket, modelRef, servedFiles } from '../../support/models/model-folder.ts';

const parts = { clock: { nowMs: () => Date.now() }, timer: systemTimer, wakeUps: new DirectWakeUps(), retryMs: MODEL_LIMITS.modelRetryMs };

/** A host whose runtime is never to be used. */
async function hosted(folder: Folder) {
  const bucket = new MemoryBucket();
  await bucket.put(folder);
  const start = () => Promise.reject(new Error('no static model needs the runtime'));
  return new ModelHost({ bucket, start, isShared: true, ...parts });
}

const valueOf = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
};

const staticFile = (words: readonly string[], rowCount = words.length + 1): Uint8Array<ArrayBuffer> => {
  const values = Float64Array.from({ length: rowCount * 2 }, (_, i) => (i < 2 ? 0 : 1 + (i % 3)));
  return writeOnnx({ id: 'own', dimensions: 2, opset: 13, vocabulary: utf8(words.join('\n')), rows: quantiseRows({ columns: 2, values }) });
};

async function registered(folder: Folder) {
  const host = await hosted(folder);
  const { reading } = valueOf(await host.readFolder('tenant', await servedFiles(folder)));
  return { host, ref: await modelRef(folder, reading) };
}

async function refusalOf(file: Uint8Array<ArrayBuffer>): Promise<string> {
  const { host, ref } = await registered(new Map([['model.onnx', file]]));
  const verified = await host.verify(ref);
  return verified.ok ? 'verified' : verified.error.message;
}

describe('a registered static model', () => {
  it('[M94] is read from its file alone, passes its checks and embeds as the encoder of the gateway does', async () => {
    const folder: Folder = new Map([['model.onnx', modelFile]]);
    const { host, ref } = await registered(folder);
    expect(ref.manifest).toMatchObject({ task: 'embedding', dimensions: 100, tokensMax: MODEL_LIMITS.modelTokensMax, isNormalised: true });
    expect(valueOf(await host.verify(ref))).toMatchObject({ runsOn: 'edge' });

    const texts = ['a canal through the hills', 'kubectl', ''];
    const tokenised = texts.map((text) => defaultModel.tokeniser.tokenise(text));
    const { vectors, tokens } = valueOf(await host.embedTexts(ref, texts, undefined));
    expect(vectors).toEqual(defaultModel.encoder.embed(tokenBatch(tokenised.map(({ ids }) => ids))));
    expect([...tokens]).toEqual(tokenised.map(({ words }) => words));
  });

  it('[M94] puts prompts in front of texts, and refuses or cuts those that are too long', async () => {
    const folder: Folder = new Map([['model.onnx', staticFile(['one', 'two'])]]);
    const { host, ref: read } = await registered(folder);
    const ref = await modelRef(folder, { ...readingOf(read.manifest), tokensMax: 2, prompts: { query: 'two ' } });
    const [asQuery, spelled] = [await host.embedTexts(ref, ['one'], 'query'), await host.embedTexts(ref, ['two one'], undefined)];
    expect(valueOf(asQuery).vectors).toEqual(valueOf(spelled).vectors);
    const long = await host.embedTexts(ref, ['one two one'], undefined);
    expect(long).toMatchObject({ ok: false, error: { code: 'limit_exceeded', path: ['input', 0] } });
    const cut = valueOf(await host.embedTexts(ref, ['one two one'], undefined, { isTruncating: true }));
    expect(cut.vectors).toEqual(valueOf(await host.embedTexts(ref, ['one two'], undefined)).vectors);
    expect(await host.classify(ref, ['one'])).toMatchObject({ ok: false });
  });

  it('[M94] a file whose rows are not those of its words, or whose words collide, is refused', async () => {
    expect(await refusalOf(staticFile(['one', 'two'], 4))).toContain('has 4 rows for a vocabulary of 3');
    expect(await refusalOf(staticFile(Array.from({ length: 5_000 }, () => 'same')))).toContain('words that collide');
    expect(await refusalOf(staticFile(colliding(600)))).toContain('words that collide');
  });
});

describe('what is made of a static model', () => {
  const WORDS = Array.from({ length: 60 }, (_, i) => `w${i}`);
  const coded = readOnnxGraph(
    writeOnnx({
      id: 'own',
      dimensions: 24,
      opset: 13,
      vocabulary: utf8(WORDS.join('\n')),
      rows: quantiseRows({ columns: 24, values: Float64Array.from({ length: 61 * 24 }, (_, i) => (i < 24 ? 0 : Math.sin(i * i))) }),
    }),
    () => new Uint8Array(),
  );
  const floats = must(staticGraph(coded), 'a static model').graph;
  const folderOf = (graph: OnnxGraph): ModelFolder => ({ root: 'own', graphPath: 'model.onnx', graph, inputs: [], others: [] });
  const settings = { bits: 8, block: 32, skip: [] } as const;
  const vectorOf = async (graph: OnnxGraph, text: string): Promise<Float32Array> => {
    const { host, ref } = await registered(new Map([['model.onnx', writeOnnxGraph(graph)]]));
    expect(valueOf(await host.verify(ref))).toMatchObject({ runsOn: 'edge' });
    return valueOf(await host.embedTexts(ref, [text], undefined)).vectors;
  };
  const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

  it.each([
    ['float32', floats],
    ['8 bits', coded],
  ])('[M120] [MB15] of %s is smaller, registers and serves what was measured', async (name, source) => {
    const text = 'w3 w7 w12';
    const whole = await vectorOf(source, text);
    for (const settled of [{ words: 20 }, { dimensions: 12 }, { words: 30, dimensions: 20 }]) {
      const { graph } = await pruneFolder(folderOf(source), settled);
      expect(writeOnnxGraph(graph).length).toBeLessThan(writeOnnxGraph(source).length);
      const vector = await vectorOf(graph, text);
      expect(vector).toHaveLength(settled.dimensions ?? 24);
      if (settled.dimensions === undefined) expect(cosine(vector, whole)).toBeGreaterThan(0.99999);
    }
    const quantised = quantiseFolder(folderOf(source), settings);
    if (name === '8 bits') return expect(quantised).rejects.toThrow(/^already_quantised: /);
    const { graph, report } = await quantised;
    expect(report.bytes.after).toBeLessThan(report.bytes.before / 3);
    expect(constantBytes(graph)).toBeLessThan(constantBytes(source) / 3);
    expect(cosine(await vectorOf(graph, text), whole)).toBeGreaterThan(0.9999);
    await expect(quantiseFolder(folderOf(graph), settings)).rejects.toThrow(/^already_quantised: /);
  });

  it('[MB15] is refused by name where it leaves nothing out, or is in a form that is not served', async () => {
    await expect(pruneFolder(folderOf(coded), { words: 60 })).rejects.toThrow(/^nothing_pruned: /);
    await expect(quantiseFolder(folderOf(floats), { ...settings, bits: 4, mustServe: true })).rejects.toThrow(/^not_served: /);
  });

  it('[M120] a file with words and no table that is served is refused, and says why', async () => {
    const { graph } = await quantiseFolder(folderOf(floats), { ...settings, bits: 4 });
    const folder: Folder = new Map([['model.onnx', writeOnnxGraph(graph)]]);
    const read = await (await hosted(folder)).readFolder('tenant', await servedFiles(folder));
    expect(read).toMatchObject({ ok: false, error: { message: expect.stringContaining('no table that is served') } });
  });

  it('[MB16] keeps the pieces of unknown words, and the rules that find them', async () => {
    const model = must(staticGraph(readOnnxGraph(modelFile, () => new Uint8Array())), 'the default model is static');
    const { graph } = await pruneFolder(folderOf(readOnnxGraph(modelFile, () => new Uint8Array())), { words: 2_000 });
    const pruned = must(staticGraph(graph), 'static, too');
    expect([pruned.words.length, pruned.tokeniser, pruned.isCoded]).toEqual([2_000, model.tokeniser, true]);
    const table = readStaticTable(writeOnnxGraph(graph));
    expect(table).toMatchObject({ ok: true, value: { tokeniser: model.tokeniser, dimensions: 100 } });
    expect(table.ok && table.value.scales).toHaveLength(2_001 + SUBWORD_BUCKETS);
  });
});

/** Words of one place in a table of 2,048. */
function colliding(count: number): string[] {
  const words: string[] = [];
  for (let i = 0; words.length < count; i += 1) {
    const word = i.toString(36);
    if ((must([...utf8(word)], 'bytes').reduce(hashByte, HASH_EMPTY) & 2_047) === 0) words.push(word);
  }
  return words;
}
