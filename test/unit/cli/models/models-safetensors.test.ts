import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { DATA_TYPE, floatsOf, tensorOf } from '../../../../src/inference/build/graph/onnx-graph.ts';
import { encoderLayers } from '../../../../src/inference/build/prune/encoder-layers.ts';
import { matchEncoder } from '../../../../src/inference/encoder/graph/match-encoder.ts';
import { readOnnxGraph as readServedGraph } from '../../../../src/inference/onnx/onnx-graph.ts';
import { startGraph } from '../../../../workers/builds/graph-session.ts';
import { readModelFolder } from '../../../../workers/builds/model-folder.ts';
import { writeOnnxGraph } from '../../../../workers/builds/onnx-graph-file.ts';
import { baseEmbedder, textEmbedder } from '../../../../workers/builds/text-embedder.ts';
import { folderSource } from '../../../../workers/cli/models/hub/model-source.ts';
import { prune } from '../../../../workers/cli/models/prune.ts';
import { quantize } from '../../../../workers/cli/models/quantize.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { bertReference } from '../../../support/models/bert-reference.ts';
import { bertWeights, SMALL_BERT } from '../../../support/models/bert-weights.ts';
import { tokenizerJson } from '../../../support/models/model-folder.ts';
import type { SafeTensor } from '../../../support/models/safetensors-file.ts';
import { bertConfig, bertTensors, floatBytes, safetensorsFile } from '../../../support/models/safetensors-file.ts';

const IDS = [2, 9, 11, 5, 30, 3];
const TYPES = [0, 0, 0, 1, 1, 1];
/** Of a size that the encoder engine serves. */
const shape = { ...SMALL_BERT, hidden: 32, inner: 64 };
const weights = bertWeights(shape, 3);
const tensors = bertTensors(weights, floatBytes);
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-safetensors-'));
});
afterAll(() => rm(root, { recursive: true }));

interface FolderParts {
  readonly of?: ReadonlyMap<string, SafeTensor>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly file?: Uint8Array;
}

/** A folder of weights alone, with a tokeniser. */
async function folderOf(
  name: string,
  { of = tensors, config = bertConfig(shape), file = safetensorsFile(of) }: FolderParts = {},
): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizerJson()));
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'model.safetensors'), file);
  return folder;
}

async function statesOf(folder: string, ids: readonly number[], mask = ids.map(() => 1), types = TYPES): Promise<number[][]> {
  const { graph } = await readModelFolder(folder);
  const session = await startGraph(writeOnnxGraph(graph));
  const int64 = (values: readonly number[]) => tensorOf(DATA_TYPE.int64, [1, values.length], BigInt64Array.from(values, BigInt));
  const answers = await session.run({ input_ids: int64(ids), attention_mask: int64(mask), token_type_ids: int64(types) });
  await session.close();
  const flat = [...floatsOf(answers['last_hidden_state']!)];
  return ids.map((_, row) => flat.slice(row * shape.hidden, (row + 1) * shape.hidden));
}

/** The largest difference of any number from the one that is wanted. */
const farthest = (states: readonly number[][], wanted: readonly number[][]): number =>
  Math.max(...wanted.flatMap((row, r) => row.map((value, column) => Math.abs(states[r]![column]! - value))));

const reference = bertReference(shape, weights, IDS, TYPES);

/** The names of a model with a head, and the parts of a norm as old files call them. */
const oldNames = (of: ReadonlyMap<string, SafeTensor>) =>
  new Map(
    [...of].map(([name, tensor]) => [
      `bert.${name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')}`,
      tensor,
    ]),
  );
const brain = (values: Float32Array<ArrayBuffer>) => {
  const codes = new DataView(values.buffer, values.byteOffset);
  return new Uint8Array(Uint16Array.from(values, (_, i) => codes.getUint16(4 * i + 2, true)).buffer);
};
const half = (values: Float32Array<ArrayBuffer>) => new Uint8Array(Uint16Array.from(values, halfOf).buffer);

/** The nearest number of 11 bits towards zero; those here are normal, or zero. */
function halfOf(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 2 ** -14)));
  const fraction = Math.floor((Math.abs(value) / 2 ** exponent) * 1024);
  const code = fraction < 1024 ? fraction : ((exponent + 15) << 10) | (fraction - 1024);
  return value < 0 ? 0x8000 | code : code;
}

describe('[MB20] weights without a graph', () => {
  it.each([
    ['float32', tensors, 1e-4],
    ['float32 of a model with a head, by old names', oldNames(tensors), 1e-4],
    ['with counters, and what is no part of the encoder', new Map([...tensors, ...extra()]), 1e-4],
    ['bfloat16', bertTensors(weights, brain, 'BF16'), 0.1],
    ['float16', bertTensors(weights, half, 'F16'), 0.02],
  ] as const)('[MB20] become the graph of the encoder that they are: %s', async (name, of, within) => {
    const folder = await folderOf(`of ${name}`, { of });
    expect(farthest(await statesOf(folder, IDS), reference)).toBeLessThan(within);
    const padded = await statesOf(folder, [...IDS, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0], [...TYPES, 0, 0]);
    expect(farthest(padded.slice(0, IDS.length), reference)).toBeLessThan(within);
  });

  it('[MB20] have layers that can be left out, and a shape that the encoder engine serves', async () => {
    const { graph } = await readModelFolder(await folderOf('layers'));
    expect(encoderLayers(graph)).toHaveLength(shape.layers - 1);
    const served = readServedGraph(writeOnnxGraph(graph), []);
    expect(served.ok && matchEncoder(served.value, 'last_hidden_state')).toMatchObject({ heads: shape.heads, hidden: shape.hidden });
  });

  it.each([
    ['another shape', { config: { ...bertConfig(shape), model_type: 'mpnet' } }, 'model_type mpnet'],
    ['another activation', { config: { ...bertConfig(shape), hidden_act: 'gelu_new' } }, 'hidden_act gelu_new'],
    ['relative positions', { config: { ...bertConfig(shape), position_embedding_type: 'relative_key' } }, 'relative_key'],
    ['a layer more', { config: { ...bertConfig(shape), num_hidden_layers: 3 } }, 'has no encoder.layer.2.attention.self.query.weight'],
    ['other widths', { config: { ...bertConfig(shape), intermediate_size: 48 } }, 'intermediate.dense.weight is 64 x 32, not 48 x 32'],
    ['heads that do not fit', { config: { ...bertConfig(shape), num_attention_heads: 3 } }, 'no multiple of num_attention_heads 3'],
    ['a file that was cut', { file: safetensorsFile(tensors).subarray(0, -7) }, 'is not in the file'],
    ['a header beyond the file', { file: new Uint8Array([255, 255, 0, 0, 0, 0, 0, 0, 123]) }, 'does not end within it'],
    ['no header', { file: new Uint8Array(3) }, 'shorter than its header'],
    ['a header that is no object', { file: new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 91, 93]) }, 'no JSON object'],
  ])('[MB20] are refused by what cannot be used: %s', async (name, given, reason) => {
    const folder = await folderOf(name, given);
    const { status, stderr } = await carriedOut(quantize(), folder, '--out', join(root, `out of ${name}`));
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining(reason) });
    await expect(access(join(root, `out of ${name}`))).rejects.toThrow('ENOENT');
  });

  it('[MB21] are left behind by what is made of them, as those of other forms', async () => {
    const folder = await folderOf('whole');
    await writeFile(join(folder, 'pytorch_model.bin'), 'weights');
    const out = join(root, 'int8');
    const { status } = await carriedOut(quantize(), folder, '--out', out);
    expect(status).toBe(0);
    const made = await readdir(out, { recursive: true });
    expect(made.filter((path) => /safetensors|pytorch/.test(path))).toEqual([]);
    expect(made).toEqual(expect.arrayContaining(['model.onnx', 'config.json', 'tokenizer.json', 'recipe.json', 'report.json']));
    const { inputs } = JSON.parse(await readFile(join(out, 'recipe.json'), 'utf8')) as { inputs: { path: string }[] };
    expect(inputs.map(({ path }) => path).toSorted()).toEqual(['config.json', 'model.safetensors']);
  });

  it('[MB23] become graphs that the encoder engine serves, in 8 bits and without a layer', async () => {
    const folder = await folderOf('served');
    const calibration = join(root, 'calibration.jsonl');
    await writeFile(calibration, '{"text": "the river lock opens"}');
    const [int8, shallow, both] = ['served int8', 'shallow', 'shallow int8'].map((name) => join(root, name)) as [string, string, string];
    expect((await carriedOut(quantize(), folder, '--out', int8)).status).toBe(0);
    expect((await carriedOut(prune(), folder, '--layers', '1', '--calibrate', calibration, '--out', shallow)).status).toBe(0);
    expect((await carriedOut(quantize(), shallow, '--out', both)).status).toBe(0);
    const modes = ['stored', 'block,dynamic', 'row,stored', 'dynamic'];
    for (const mode of modes)
      expect((await carriedOut(quantize(), folder, '--mode', mode, '--out', join(root, `served ${mode}`))).status).toBe(0);
    for (const [of, layers] of [
      ...modes.map((mode) => [join(root, `served ${mode}`), shape.layers] as const),
      [int8, shape.layers],
      [shallow, shape.layers - 1],
      [both, shape.layers - 1],
    ] as const) {
      const graph = readServedGraph(new Uint8Array(await readFile(join(of, 'model.onnx'))), []);
      const match = graph.ok ? matchEncoder(graph.value, 'last_hidden_state') : undefined;
      expect(match?.layers).toHaveLength(layers);
    }
    // The codes are the engine's own, and the layer that is gone is no longer there to compute.
    const cosine = async (of: string) => {
      const vectors = await Promise.all(
        [of, folder].map(async (path) => {
          const embedder = await textEmbedder(await readModelFolder(path));
          const embedded = await embedder.embed(['the river lock opens at dawn'], 'passage');
          await embedder.close();
          return [...embedded.vectors];
        }),
      );
      return vectors[0]!.reduce((sum, x, i) => sum + x * vectors[1]![i]!, 0);
    };
    expect(await cosine(int8)).toBeGreaterThan(0.99);
    expect(await cosine(both)).toBeLessThan(0.99);
  });

  it('[MB20] are no model that can be registered, and `add` says what makes one of them', async () => {
    await expect(folderSource(await folderOf('added'), undefined)).rejects.toThrow('sluice models quantize');
  });

  it('[MB22] are judged by float arithmetic, and what is made of them as it is served', async () => {
    const folder = await readModelFolder(await folderOf('judged'));
    const texts = ['the river lock opens', 'rain'];
    const [own, asGraph, asServed] = await Promise.all(
      [baseEmbedder(folder), textEmbedder(folder, 'graph'), textEmbedder(folder)].map(async (made) => {
        const embedder = await made;
        const { vectors } = await embedder.embed(texts, 'passage');
        await embedder.close();
        return [...vectors];
      }),
    );
    expect(own).toEqual(asGraph);
    // The engine codes the inputs of products in 8 bits.
    expect(asServed).not.toEqual(own);
    for (const [at, value] of asServed!.entries()) expect(Math.abs(value - own![at]!)).toBeLessThan(0.05);
  });
});

function extra(): [string, SafeTensor][] {
  const ids = new BigInt64Array(4);
  return [
    ['embeddings.position_ids', { dtype: 'I64', shape: [1, 4], bytes: new Uint8Array(ids.buffer) }],
    ['pooler.dense.bias', { dtype: 'F32', shape: [3], bytes: floatBytes(Float32Array.of(1, 2, 3)) }],
  ];
}
