import type { FieldPath } from '../../contract/field-path.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
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

export interface LoadParts extends RunSharing {
  readonly bucket: ModelBucket;
  readonly start: StartGraph;
}

/** Reads a version's files, checks them, and loads its graph and its tokeniser. The manifest has passed `checkManifest`, and a check of its sizes. */
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
