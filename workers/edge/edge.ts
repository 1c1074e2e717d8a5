import { nameWithoutVersion, pinnedName } from '../../src/contract/api/model-name.ts';
import type { EmbeddingModel, Tokeniser } from '../../src/inference/embedding-model.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { findVersion, parseModelCatalogue, readModelFile } from '../../src/inference/model-manifest.ts';
import { OnnxEncoder } from '../../src/inference/onnx-encoder.ts';
import { isStatic } from '../../src/inference/served/contract-hash.ts';
import type { InputType } from '../../src/inference/served/model-calls.ts';
import { openStaticModel } from '../../src/inference/static/static-model.ts';
import { checkTokenBatch, checkWords, tokenBatch } from '../../src/inference/token-batch.ts';
import { SluiceClient } from '../client/sluice-client.ts';
import type { Progress } from './browser-files.ts';
import { BrowserFiles } from './browser-files.ts';
import { EdgeError, refused } from './edge-error.ts';
import { graphRunner, hasWebGpu, startRuntime } from './graph-runner.ts';
import type { RegisteredVersion } from './registered-version.ts';
import { registeredVersion } from './registered-version.ts';
import type { GraphDevice } from './runtimes.ts';

export { EdgeError } from './edge-error.ts';
export type { Progress } from './browser-files.ts';

/** What computes: plain code, onnxruntime on the processor or the graphics processor of the page's device, or the gateway. */
export type Device = 'static' | GraphDevice | 'gateway';

export interface EdgeOptions {
  /** Of the gateway. Absent: where this module comes from. */
  readonly url?: string;
  /** For calls of the gateway, where the device cannot compute or is not to; a key that pages may use. */
  readonly apiKey?: string;
  /** A model of the deployment or, with a key that has the scope `models:read`, a registered one. Absent: `glove-sif-100`. */
  readonly model?: string;
  /** Absent: what the model's runner needs, on the graphics processor if there is one. */
  readonly device?: Device;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface EmbedOptions {
  /** Asks the gateway, whatever the device can. */
  readonly remote?: boolean;
  readonly signal?: AbortSignal;
  /** What the texts are for, where a registered model has prompts. */
  readonly inputType?: InputType;
}

export interface Embedded {
  /** Of each text, in their order: a unit vector, or zero where a model of words alone knows none of them. */
  readonly vectors: Float32Array[];
  readonly device: Device;
  readonly ms: number;
}

/** Not the default of the gateway: pages that name no model query indexes that were made with this one. */
const DEFAULT_MODEL = 'glove-sif-100';

/** A model that is ready on this device. */
interface LocalModel {
  readonly device: Exclude<Device, 'gateway'>;
  embed(texts: readonly string[], signal: AbortSignal | undefined, use: InputType | undefined): Promise<Float32Array[]>;
}

/** A model that a page may load: what is known of it, and how it is loaded. */
interface Loadable {
  readonly manifest: ModelManifest;
  readonly load: () => Promise<LocalModel>;
}

/**
 * Loads a model into the page: its file is fetched once and then kept in the browser's cache, and used only if it is the manifest's, byte for
 * byte; those of registered models by the key. Where the device cannot run it, an edge with an API key embeds through the gateway, whose vectors are the same.
 *
 * Rejects with an `EdgeError`: `model_not_found`, `unavailable`, `unsupported` (no key, and the device cannot), or `aborted`.
 */
export async function createEdge(options: EdgeOptions = {}): Promise<Edge> {
  const url = (options.url ?? new URL('..', import.meta.url).href).replace(/\/+$/, '');
  const id = options.model ?? DEFAULT_MODEL;
  const { manifest, load } = await loadable(url, id, options);
  const client = options.apiKey === undefined ? undefined : new SluiceClient({ url, apiKey: options.apiKey });
  if (options.device === 'gateway') return new Edge(manifest, undefined, client, undefined);
  try {
    return new Edge(manifest, await load(), client, undefined);
  } catch (error) {
    const reason = EdgeError.of(error);
    // A device that was asked for by name is not exchanged for another.
    if (client === undefined || options.device !== undefined || reason.code === 'aborted') throw reason;
    return new Edge(manifest, undefined, client, reason);
  }
}

/** Embeds texts on the page's device, or through the gateway, under the same embedding contract. */
export class Edge {
  readonly manifest: ModelManifest;
  /** What computes unless a call says `remote`. */
  readonly device: Device;
  /** Why the gateway computes in place of the device. */
  readonly fallbackReason: EdgeError | undefined;
  readonly #local: LocalModel | undefined;
  readonly #client: SluiceClient | undefined;

  constructor(manifest: ModelManifest, local: LocalModel | undefined, client: SluiceClient | undefined, reason: EdgeError | undefined) {
    this.manifest = manifest;
    this.device = local?.device ?? 'gateway';
    this.fallbackReason = reason;
    this.#local = local;
    this.#client = client;
  }

  /** Vectors with the same hash, wherever they were computed, may be compared. */
  get contractHash(): string {
    return this.manifest.contractHash;
  }

  /** Rejects with an `EdgeError`, or as `SluiceClient` does where the gateway computes. */
  async embed(texts: readonly string[], { remote = false, signal, inputType }: EmbedOptions = {}): Promise<Embedded> {
    const beganMs = performance.now();
    const local = remote ? undefined : this.#local;
    const vectors = await (local === undefined ? this.#remotely(texts, signal, inputType) : local.embed(texts, signal, inputType));
    return { vectors, device: local?.device ?? 'gateway', ms: performance.now() - beganMs };
  }

  async #remotely(texts: readonly string[], signal: AbortSignal | undefined, use: InputType | undefined): Promise<Float32Array[]> {
    if (this.#client === undefined) throw new EdgeError('unsupported', 'the gateway takes an API key: give `apiKey` to createEdge');
    const embedding = { model: pinnedName(this.manifest), ...(use === undefined ? {} : { input_type: use }) };
    return this.#client.embed(texts, embedding, signal === undefined ? {} : { signal });
  }
}

/** A model of the deployment, else a registered one, which takes a key. */
async function loadable(url: string, id: string, options: EdgeOptions): Promise<Loadable> {
  const { apiKey, onProgress, signal } = options;
  const listener = { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) };
  const files = new BrowserFiles(`${url}/models/`, listener);
  const manifest = await manifestOf(files, id);
  if (manifest !== undefined) return { manifest, load: () => localModel(files, manifest, url, options) };
  if (apiKey === undefined) throw new EdgeError('model_not_found', `the gateway has no model ${JSON.stringify(id)} that pages can load`);
  const version = await registeredVersion(id, { url, apiKey, ...listener });
  return { manifest: version.manifest, load: () => registeredModel(version, url, options) };
}

async function registeredModel(version: RegisteredVersion, url: string, { device, signal }: EdgeOptions): Promise<LocalModel> {
  const ownWords = isStatic(version.reading.task, version.files);
  const wanted = device ?? (ownWords ? 'static' : hasWebGpu() ? 'webgpu' : 'wasm');
  if (wanted === 'gateway' || (wanted === 'static') !== ownWords)
    throw new EdgeError(
      'unsupported',
      `${version.manifest.id} is ${ownWords ? 'a static model: its device is static' : 'a graph: its device is webgpu or wasm'}`,
    );
  const { openRegistered } = await import('./registered.ts');
  const opened = await openRegistered(version, {
    device: wanted === 'static' ? 'wasm' : wanted,
    mayUseEngine: device !== 'webgpu',
    startRuntime: (of) => startRuntime(of, `${url}/sdk/ort/`),
    kernelsFolder: `${url}/sdk/encoder/`,
  });
  signal?.throwIfAborted();
  // A file that cannot be had is no fault of the device.
  if (!opened.ok) throw refused(opened.error);
  return {
    device: ownWords ? 'static' : opened.value.device,
    async embed(texts, given, use) {
      given?.throwIfAborted();
      const vectors = await opened.value.embed(texts, use);
      if (!vectors.ok) throw refused(vectors.error);
      return vectors.value;
    },
  };
}

async function manifestOf(files: BrowserFiles, id: string): Promise<ModelManifest | undefined> {
  // A model of the same file may run in more than one way: their manifests share a folder.
  const folder = nameWithoutVersion(id).replace(/-onnx$/, '');
  const bytes = await files.readFresh(`${folder}/manifest.json`);
  const catalogue = bytes === undefined ? [] : parseModelCatalogue(JSON.parse(new TextDecoder().decode(bytes)));
  return findVersion(catalogue, id);
}

async function localModel(files: BrowserFiles, manifest: ModelManifest, url: string, { device, signal }: EdgeOptions): Promise<LocalModel> {
  files.expect(manifest.file.path, manifest.file.bytes);
  let bytes = await readModelFile(files, manifest);
  if (!bytes.ok) {
    // What the browser kept is damaged, or of another version.
    await files.forget(manifest.file.path);
    bytes = await readModelFile(files, manifest);
  }
  if (!bytes.ok) {
    await files.forget(manifest.file.path);
    throw refused(bytes.error);
  }
  const opened = openStaticModel(manifest, bytes.value);
  if (!opened.ok) throw new EdgeError('unsupported', opened.error.reason);
  const { tokeniser, encoder } = opened.value;
  const wanted = device ?? (manifest.runner === 'static' ? 'static' : hasWebGpu() ? 'webgpu' : 'wasm');
  const on = (of: LocalModel['device'], model: EmbeddingModel): LocalModel => ({
    device: of,
    embed: (texts, given) => embedTokens(tokeniser, model, texts, given),
  });
  if (wanted === 'static') return on(wanted, encoder);
  if (wanted === 'gateway') throw new EdgeError('unsupported', 'the gateway is no device of this page');
  const runner = await graphRunner(wanted, `${url}/sdk/ort/`, bytes.value);
  signal?.throwIfAborted();
  return on(wanted, new OnnxEncoder(manifest, runner));
}

async function embedTokens(
  tokeniser: Tokeniser,
  encoder: EmbeddingModel,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  signal?.throwIfAborted();
  const tokenised = texts.map((text) => tokeniser.tokenise(text));
  const short = checkWords(
    encoder.manifest,
    tokenised.map(({ words }) => words),
  );
  if (!short.ok) throw refused(short.error);
  const batch = tokenBatch(tokenised.map(({ ids }) => ids));
  const checked = checkTokenBatch(encoder.manifest, batch);
  if (!checked.ok) throw refused(checked.error);
  const { dimensions } = encoder.manifest;
  const vectors = await encoder.embed(batch);
  return texts.map((_, row) => vectors.slice(row * dimensions, (row + 1) * dimensions));
}
