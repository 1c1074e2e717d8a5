import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { servedContractHash } from '../../src/inference/served/contract-hash.ts';
import { loadModel } from '../../src/inference/served/load-model.ts';
import type { InputType } from '../../src/inference/served/model-calls.ts';
import type { ModelBucket } from '../../src/inference/served/model-bucket.ts';
import type { OrtModule } from '../../src/inference/served/ort-runner.ts';
import { ortStart } from '../../src/inference/served/ort-runner.ts';
import type { ModelReading, ServedFile } from '../../src/inference/served-manifest.ts';
import { textChunks, tokensBound } from '../../src/inference/served/text-chunks.ts';
import { ok } from '../../src/kernel/result.ts';
import { THREAD_SHARING } from '../agent/thread-sharing.ts';
import { pageEncoder } from './page-encoder.ts';
import type { GraphDevice } from './runtimes.ts';

/** What a page loads of a registered version. */
export interface RegisteredFolder {
  readonly reading: ModelReading;
  readonly files: readonly ServedFile[];
  /** Its files, by their SHA-256. */
  readonly bucket: ModelBucket;
}

export interface PageDevice {
  /** What runs a graph that the encoder engine does not. */
  readonly device: GraphDevice;
  /** Whether the engine, which needs no runtime, may compute what it can; else the device does. */
  readonly mayUseEngine: boolean;
  /** Called where the model has a graph to run. */
  readonly startRuntime: (device: GraphDevice) => Promise<unknown>;
  /** Where the kernels of the engine are. */
  readonly kernelsFolder: string;
}

/** A registered model on the page's device. */
export interface RegisteredTexts {
  readonly device: GraphDevice;
  /** A refusal names the text at fault as `input[i]`. */
  embed(texts: readonly string[], use: InputType | undefined): Promise<Outcome<Float32Array[]>>;
}

/**
 * Loads a registered embedding model by the code that the inference Worker and agents load it with: the same checks, tokeniser, pooling and
 * prompts, and so the same vectors. This module is loaded only by pages with such models.
 */
export async function openRegistered(
  { reading, files, bucket }: RegisteredFolder,
  { device, mayUseEngine, startRuntime, kernelsFolder }: PageDevice,
): Promise<Outcome<RegisteredTexts>> {
  if (reading.task !== 'embedding') return refuse('invalid_value', `is a model for ${reading.task}: it makes no vectors`, 'model');
  const manifest = { ...reading, files, contractHash: await servedContractHash(reading, files) };
  const loaded = await loadModel(
    { owner: 'page', model: 'page', version: '0', manifest },
    {
      bucket,
      start: async (graph) => {
        const ort = (await startRuntime(device)) as OrtModule;
        return ortStart(ort, { executionProviders: [device] }, device === 'wasm' ? 'outside' : 'in-place')(graph);
      },
      ...(mayUseEngine ? { startEncoder: pageEncoder(kernelsFolder) } : {}),
      isShared: false,
      ...THREAD_SHARING,
    },
  );
  if (!loaded.ok) return loaded;
  const { texts: model, encoderBytes } = loaded.value;
  if (model === undefined) return refuse('invalid_value', 'takes no texts', 'model');
  const embed: RegisteredTexts['embed'] = async (texts, use) => {
    const bounds = texts.map((text) => tokensBound(manifest, text, use));
    const vectors: Float32Array[] = [];
    for (const chunk of textChunks([...texts.keys()], bounds)) {
      const from = chunk[0] ?? 0;
      const some = chunk.map((row) => texts[row] ?? '');
      const embedded = await model.embed(some, use, {});
      if (!embedded.ok) {
        const [field, at, ...rest] = embedded.error.path ?? [];
        // Chunks are of consecutive texts.
        const path = typeof at === 'number' ? [field ?? 'input', from + at, ...rest] : (embedded.error.path ?? []);
        return { ok: false, error: { ...embedded.error, path } };
      }
      for (const row of chunk.keys())
        vectors.push(embedded.value.vectors.slice(row * manifest.dimensions, (row + 1) * manifest.dimensions));
    }
    return ok(vectors);
  };
  return ok({ device: encoderBytes === undefined ? device : 'wasm', embed });
}
