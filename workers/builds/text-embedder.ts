import { messageOf } from '../../src/contract/api/errors.ts';
import { floatsOf } from '../../src/inference/build/graph/onnx-graph.ts';
import { hasCodes } from '../../src/inference/build/quantise/quantise-graph.ts';
import { servedContractHash } from '../../src/inference/served/contract-hash.ts';
import { loadModel } from '../../src/inference/served/load-model.ts';
import type { InputType } from '../../src/inference/served/model-calls.ts';
import type { ModelReading, ModelRef, ServedFile } from '../../src/inference/served-manifest.ts';
import { modelFileKey } from '../../src/inference/served-manifest.ts';
import { textChunks, tokensBound } from '../../src/inference/served/text-chunks.ts';
import { must } from '../../src/kernel/assert.ts';
import { sha256Hex } from '../../src/kernel/bytes.ts';
import { agentEncoder } from '../agent/agent-encoder.ts';
import { agentOnnx } from '../agent/agent-onnx.ts';
import { THREAD_SHARING } from '../agent/thread-sharing.ts';
import { BuildFailure, UnusableInput } from './build-error.ts';
import { startGraph } from './graph-session.ts';
import type { ModelFolder } from './model-folder.ts';
import { writeOnnxGraph } from './onnx-graph-file.ts';
import { textInputs, tokenisedFolder } from './text-inputs.ts';
import type { TokenisedFolder } from './text-inputs.ts';

/** Vectors of texts, row-major. */
export interface Embedded {
  readonly dimensions: number;
  readonly vectors: Float32Array;
}

export interface TextEmbedder {
  /** `use`: what the texts are for, where the model has prompts. */
  embed(texts: readonly string[], use: InputType): Promise<Embedded>;
  close(): Promise<void>;
}

/**
 * What computes: `served`, what serves the model at the edge, which is the encoder engine where that knows its shape and codes the inputs of products;
 * or `graph`, the arithmetic of its graph, of floats where that has floats. [MB22]
 */
export type EmbedderForm = 'served' | 'graph';

/** Starts the model of a folder as an embedder of texts. */
export async function textEmbedder(folder: ModelFolder, form: EmbedderForm = 'served'): Promise<TextEmbedder> {
  const tokenised = tokenisedFolder(folder);
  return tokenised === undefined ? staticEmbedder(folder) : servedEmbedder(folder, tokenised, form);
}

/** What a model that was made of this one is judged by: a graph of floats computes as it says, for what its codes cost is part of the verdict; one that has codes, as it is served. */
export const baseEmbedder = (folder: ModelFolder): Promise<TextEmbedder> =>
  textEmbedder(folder, hasCodes(folder.graph) ? 'served' : 'graph');

async function staticEmbedder(folder: ModelFolder): Promise<TextEmbedder> {
  const feedsOfText = textInputs(folder);
  if (feedsOfText === undefined) throw new UnusableInput(`${folder.root} has no tokeniser that is known, so it cannot embed texts.`);
  const output = folder.graph.outputs[0] ?? '';
  const session = await startGraph(writeOnnxGraph(folder.graph)).catch((error: unknown) => {
    throw new BuildFailure(`the runtime cannot run ${folder.graphPath}: ${error instanceof Error ? error.message : String(error)}`);
  });
  return {
    async embed(texts) {
      const rows: Float32Array[] = [];
      for (const text of texts) {
        const answers = await session.run(feedsOfText(text));
        rows.push(floatsOf(must(answers[output], 'a run answers every output')));
      }
      const dimensions = rows[0]?.length ?? 0;
      const vectors = new Float32Array(rows.length * dimensions);
      rows.forEach((row, i) => vectors.set(row, i * dimensions));
      return { dimensions, vectors };
    },
    close: () => session.close(),
  };
}

/** A model with a tokeniser file, as a registered one is served: its prompts, its pooling, and texts that are too long cut. */
async function servedEmbedder(
  { graph, graphPath, root }: ModelFolder,
  { reading, files }: TokenisedFolder,
  form: EmbedderForm,
): Promise<TextEmbedder> {
  const contents = new Map([...files, [graphPath, writeOnnxGraph(graph)] as const]);
  const { ref, bucket } = await inMemory({ ...reading, graph: graphPath, externalData: [] }, contents);
  const { manifest } = ref;
  if (manifest.task !== 'embedding') throw new UnusableInput(`${root} is a model for ${manifest.task}: it embeds no texts.`);
  const { start } = await agentOnnx(1, 'wasm');
  const engine = form === 'served' ? { startEncoder: await agentEncoder() } : {};
  const loaded = await loadModel(ref, { bucket, start, ...engine, isShared: false, ...THREAD_SHARING });
  if (!loaded.ok) throw new BuildFailure(`${root}: ${messageOf(loaded.error)}`);
  const model = must(loaded.value.texts, 'an embedding model takes texts');
  return {
    async embed(texts, use) {
      const vectors = new Float32Array(texts.length * manifest.dimensions);
      const bounds = texts.map((text) => tokensBound(manifest, text, use));
      for (const chunk of textChunks([...texts.keys()], bounds)) {
        const some = chunk.map((row) => texts[row] ?? '');
        const embedded = await model.embed(some, use, { isTruncating: true });
        if (!embedded.ok) throw new BuildFailure(`${root}: ${messageOf(embedded.error)}`);
        // Chunks are of consecutive rows.
        vectors.set(embedded.value.vectors, (chunk[0] ?? 0) * manifest.dimensions);
      }
      return { dimensions: manifest.dimensions, vectors };
    },
    close: () => loaded.value.runner.release(),
  };
}

/** Files in memory as those of a version. */
async function inMemory(reading: ModelReading, contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
  const owner = 'build';
  const byKey = new Map<string, Uint8Array<ArrayBuffer>>();
  const files: ServedFile[] = [];
  for (const [path, bytes] of contents) {
    const sha256 = await sha256Hex(bytes);
    byKey.set(modelFileKey(owner, sha256), bytes);
    files.push({ path, bytes: bytes.length, sha256 });
  }
  const manifest = { ...reading, files, contractHash: await servedContractHash(reading, files) };
  const ref: ModelRef = { owner, model: 'build', version: '0', manifest };
  return { ref, bucket: { read: (key: string) => Promise.resolve(byKey.get(key) ?? ('absent' as const)) } };
}
