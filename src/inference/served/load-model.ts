import type { FieldPath } from '../../contract/field-path.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseBeyond } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import { checkGraph } from '../onnx/check-graph.ts';
import { readOnnxGraph } from '../onnx/onnx-graph.ts';
import { TextTokeniser } from '../text/text-tokeniser.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from './contract-hash.ts';
import type { GraphRunner, StartGraph } from './graph-runner.ts';
import type { ModelBucket } from './model-bucket.ts';
import { readServedFile } from './model-bucket.ts';
import type { ModelRef } from './served-manifest.ts';
import { TextModel } from './text-model.ts';
import type { RunSharing } from './token-runs.ts';

export interface LoadedModel {
  readonly facts: GraphFacts;
  readonly runner: GraphRunner;
  /** Absent: it takes no texts. */
  readonly texts: TextModel | undefined;
}

/** The runtime lays matrices out a second time for its products, not all of them: measured 1.7 times the weights. */
const RUNTIME_BYTES_PER_WEIGHT_BYTE = 1.75;
/** Of a vocabulary as a map of strings: an estimate. */
const MEMORY_PER_TOKENISER_BYTE = 5;
/** Nodes of the graph, and the session. */
const MODEL_BASE_BYTES = 1024 * 1024;

/** What a version takes of the isolate's memory once it is loaded, by the sizes of its files. */
export function memoryBytesOf({ manifest }: ModelRef): number {
  const bytesOf = (path: string) => manifest.files.find((file) => file.path === path)?.bytes ?? 0;
  const weights = [manifest.graph, ...manifest.externalData].reduce((sum, path) => sum + bytesOf(path), 0);
  const tokeniser = manifest.task === 'graph' ? 0 : bytesOf(TOKENISER_FILE);
  return Math.ceil(weights * RUNTIME_BYTES_PER_WEIGHT_BYTE + tokeniser * MEMORY_PER_TOKENISER_BYTE + MODEL_BASE_BYTES);
}

/** Refuses a version that is too large, by its manifest alone. */
export function checkSize({ manifest }: ModelRef): Outcome<void> {
  for (const [i, { path, bytes }] of manifest.files.entries()) {
    const limit = path === TOKENISER_FILE ? 'tokeniserBytesMax' : path === TOKENISER_CONFIG_FILE ? 'modelConfigBytesMax' : undefined;
    if (limit !== undefined && bytes > LIMITS[limit])
      return refuseBeyond({ path: ['files', i, 'bytes'], limit, value: bytes, what: `is ${bytes}` });
  }
  const weights = manifest.files.filter(({ path }) => path === manifest.graph || manifest.externalData.includes(path));
  const bytes = weights.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= LIMITS.graphBytesMax) return ok(undefined);
  return refuseBeyond({
    path: 'graph',
    limit: 'graphBytesMax',
    value: bytes,
    what: `has ${bytes} bytes with its weights`,
    advice: 'quantise it, or serve it from a pool',
  });
}

export interface LoadParts extends RunSharing {
  readonly bucket: ModelBucket;
  readonly start: StartGraph;
}

/** Reads a version's files, checks them, and loads its graph and its tokeniser. The manifest has passed `checkManifest` and `checkSize`. */
export async function loadModel(ref: ModelRef, { bucket, start, ...sharing }: LoadParts): Promise<Outcome<LoadedModel>> {
  const { manifest, owner } = ref;
  const read = async (path: string, at: FieldPath) => {
    const file = manifest.files.find((candidate) => candidate.path === path);
    return file === undefined ? refuse('invalid_value', 'is not among the files', at) : readServedFile(bucket, owner, file, at);
  };
  const graphAt = ['files', manifest.graph];
  const bytes = await read(manifest.graph, graphAt);
  if (!bytes.ok) return bytes;
  const graph = readOnnxGraph(bytes.value, graphAt);
  if (!graph.ok) return graph;
  const facts = checkGraph(graph.value, { path: manifest.graph, files: manifest.files, at: graphAt });
  if (!facts.ok) return facts;

  const tokeniser = manifest.task === 'graph' ? ok(undefined) : await openTokeniser(ref, read);
  if (!tokeniser.ok) return tokeniser;
  const external = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [location, path] of facts.value.external) {
    if (!manifest.externalData.includes(path))
      return refuse('invalid_value', `does not name ${path}, which the graph uses`, 'externalData');
    const data = await read(path, ['files', path]);
    if (!data.ok) return data;
    external.set(location, data.value);
  }
  const runner = await start({ graph: bytes.value, external });
  if (!runner.ok) return { ok: false, error: { ...runner.error, path: graphAt } };
  const loaded = { facts: facts.value, runner: runner.value };
  if (tokeniser.value === undefined) return ok({ ...loaded, texts: undefined });
  const texts = TextModel.open({ ...loaded, manifest, sharing, tokeniser: tokeniser.value }, graphAt);
  if (texts.ok) return ok({ ...loaded, texts: texts.value });
  await runner.value.release();
  return texts;
}

async function openTokeniser(
  { manifest }: ModelRef,
  read: (path: string, at: FieldPath) => Promise<Outcome<Uint8Array<ArrayBuffer>>>,
): Promise<Outcome<TextTokeniser>> {
  const json = await read(TOKENISER_FILE, ['files', TOKENISER_FILE]);
  if (!json.ok) return json;
  const hasConfig = manifest.files.some(({ path }) => path === TOKENISER_CONFIG_FILE);
  const config = hasConfig ? await read(TOKENISER_CONFIG_FILE, ['files', TOKENISER_CONFIG_FILE]) : undefined;
  if (config !== undefined && !config.ok) return config;
  return TextTokeniser.open(json.value, config?.value, ['files']);
}
