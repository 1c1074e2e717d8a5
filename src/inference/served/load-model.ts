import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { turnOfOthers } from '../../kernel/timer.ts';
import { ok } from '../../kernel/result.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import { checkGraph } from '../onnx/check-graph.ts';
import { GraphCost } from '../onnx/cost/graph-cost.ts';
import type { MatchedEncoder } from '../encoder/graph/matched-encoder.ts';
import { makesVectors } from '../embedding-output.ts';
import type { TextTokeniser } from '../text/text-tokeniser.ts';
import { isStatic } from './contract-hash.ts';
import type { StartGraph } from '../graph-runner.ts';
import type { WeightFiles } from '../encoder/weight-files.ts';
import type { GraphFile } from './graph-file.ts';
import { readDetachedGraph, readGraphFile } from './graph-file.ts';
import type { LoadedModel } from './loaded-model.ts';
import { storedWeights } from './stored-weights.ts';
import type { ModelBucket } from './model-bucket.ts';
import { readServedFile } from './model-bucket.ts';
import { checkLoadRoom } from './load-room.ts';
import { graphLimit, weightBytesOf } from './model-size.ts';
import type { ModelRoom } from './model-room.ts';
import type { ModelRef, ServedFile, ServedManifest } from '../served-manifest.ts';
import { servedTokeniser } from './served-tokeniser.ts';
import { NO_RUNNER, StaticTexts } from './static-texts.ts';
import { answerOf, TextModel } from './text-model.ts';
import { checkRunMs, RunBounds } from './run-bounds.ts';
import type { StartEncoder } from './start-encoder.ts';
import { filesInMemory, loadEncoder, servedEncoder } from './start-encoder.ts';
import type { RunSharing } from './token-runs.ts';

export interface LoadParts extends RunSharing {
  readonly bucket: ModelBucket;
  readonly start: StartGraph;
  /** Starts the engine that computes encoders of BERT's shape; absent: the runtime computes all. [M140] */
  readonly startEncoder?: StartEncoder;
  /** Told of each step of an encoder's runs. */
  readonly onStep?: () => void;
  /** Told how many bytes encoders take beside the memory of the runtime, which does not grow into them. */
  readonly holdBack?: (bytes: number) => void;
  /** How many bytes of files there is room for while a model loads; absent: no limit but that of what runs it. */
  readonly loadRoomBytes?: () => number;
  /** What what runs it has for models; absent: an isolate of 128 MB. */
  readonly room?: ModelRoom;
  /** Whether others wait while a graph runs, so that runs are bounded before they begin. [M59] */
  readonly isShared: boolean;
}

/** A version whose files but for weights outside of its graph are read, and found to fit together. */
export interface InspectedModel {
  readonly file: GraphFile;
  readonly facts: GraphFacts;
  readonly bounds: RunBounds;
  /** What the encoder engine computes of it; absent: the runtime does. */
  readonly encoder?: MatchedEncoder;
  /** The encoder of a static model. Absent: the model takes no texts, or has a tokeniser and a graph. */
  readonly ownTexts?: StaticTexts;
  /** Absent: it takes no texts, or is static. */
  readonly tokeniser?: TextTokeniser;
}

/** Whether a version's graph is read without its weights: those of the encoder engine are read when it is loaded, and of other embedding models where there is room. */
export const isReadDetached = ({ manifest }: Pick<ModelRef, 'manifest'>, { bucket, startEncoder }: DetachParts): boolean =>
  manifest.task === 'embedding' && !isStatic(manifest.task, manifest.files) && startEncoder !== undefined && bucket.open !== undefined;

type DetachParts = Pick<LoadParts, 'bucket'> & { readonly startEncoder: StartEncoder | undefined };

/**
 * Reads a version's graph and tokeniser and checks them, without the weights outside of the graph. The manifest has passed `checkManifest`, and
 * a check of its sizes.
 */
export async function inspectModel(
  ref: ModelRef,
  parts: Pick<LoadParts, 'bucket' | 'timer' | 'loadRoomBytes' | 'startEncoder' | 'room'>,
): Promise<Outcome<InspectedModel>> {
  const { manifest } = ref;
  const { bucket, startEncoder } = parts;
  const isOwn = isStatic(manifest.task, manifest.files);
  // Before the graph, whose bytes would be in memory meanwhile.
  const tokeniser = manifest.task === 'graph' || isOwn ? undefined : await servedTokeniser(ref, parts, readerOf(ref, bucket));
  if (tokeniser !== undefined && !tokeniser.ok) return tokeniser;
  const graphAt = ['files', manifest.graph];
  const read = await readCheckedGraph(ref, parts, graphAt);
  if (!read.ok) return read;
  const { file, facts } = read.value;
  await turnOfOthers(parts.timer);
  const inspected = { file, facts, bounds: new RunBounds(new GraphCost(file.graph)) };
  if (manifest.task === 'graph') return ok(inspected);
  if (tokeniser === undefined) {
    const ownTexts = await openStatic(manifest, file, graphAt);
    return ownTexts.ok ? ok({ ...inspected, ownTexts: ownTexts.value }) : ownTexts;
  }
  const answer = answerOf(manifest.task, facts, graphAt);
  if (!answer.ok) return answer;
  await turnOfOthers(parts.timer);
  const encoder = startEncoder === undefined ? undefined : servedEncoder(manifest, file.graph, answer.value);
  return ok({ ...inspected, tokeniser: tokeniser.value, ...(encoder === undefined ? {} : { encoder }) });
}

type GraphParts = Pick<LoadParts, 'bucket' | 'startEncoder' | 'room' | 'timer'>;

async function readCheckedGraph(
  ref: ModelRef,
  { bucket, startEncoder, room, timer }: GraphParts,
  at: FieldPath,
): Promise<Outcome<{ file: GraphFile; facts: GraphFacts }>> {
  const { manifest } = ref;
  const place = { bucket, owner: ref.owner, file: graphFileOf(manifest), at, timer };
  const file = await (isReadDetached(ref, { bucket, startEncoder }) ? readDetachedGraph(place) : readGraphFile(place));
  if (!file.ok) return file;
  await turnOfOthers(timer);
  const { graph, stored } = file.value;
  const weightsLimit = makesVectors(manifest.task) ? 'modelBytesMax' : graphLimit(room);
  const facts = checkGraph(graph, { path: manifest.graph, files: manifest.files, at, weightsLimit, isDetached: stored !== undefined });
  if (!facts.ok) return facts;
  const named = checkNamed(facts.value, manifest);
  return named.ok ? ok({ file: file.value, facts: facts.value }) : named;
}

/** Whether the manifest names all files that the graph uses. */
function checkNamed({ external }: GraphFacts, { externalData }: ModelRef['manifest']): Outcome<null> {
  const unnamed = [...external.values()].find((path) => !externalData.includes(path));
  return unnamed === undefined ? ok(null) : refuse('invalid_value', `does not name ${unnamed}, which the graph uses`, 'externalData');
}

async function openStatic(manifest: ModelRef['manifest'], file: GraphFile, at: FieldPath): Promise<Outcome<StaticTexts>> {
  const bytes = await file.bytes();
  return bytes.ok ? StaticTexts.open(manifest, bytes.value, at) : bytes;
}

/** Loads a version that `inspectModel` finds whole. */
export async function loadModel(ref: ModelRef, parts: LoadParts): Promise<Outcome<LoadedModel>> {
  const room = checkLoadRoom(weightBytesOf(ref), parts.loadRoomBytes);
  if (!room.ok) return room;
  const inspected = await inspectModel(ref, parts);
  return inspected.ok ? startModel(ref, inspected.value, parts, 'texts') : inspected;
}

/** Has a version's texts computed by the encoder engine if that can, else by the runtime, which computes every graph. */
export async function startModel(
  ref: ModelRef,
  inspected: InspectedModel,
  parts: LoadParts,
  form: 'texts' | 'graph',
): Promise<Outcome<LoadedModel>> {
  const { facts, bounds, ownTexts, encoder, tokeniser } = inspected;
  if (ownTexts !== undefined) return ok({ facts, bounds, runner: NO_RUNNER, texts: ownTexts, encoderBytes: undefined });
  const { startEncoder: start, isShared, onStep = () => undefined } = parts;
  if (encoder === undefined || tokeniser === undefined || start === undefined || form === 'graph') return startGraph(ref, inspected, parts);
  const files = await weightFiles(ref, inspected, parts.bucket);
  return files.ok
    ? loadEncoder(ref.manifest, { encoder, files: files.value, facts, tokeniser, sharing: parts, isShared, start, onStep })
    : files;
}

/** Where the weights of an encoder are read from: the store of files, if the graph is a detached one, else memory. */
async function weightFiles(ref: ModelRef, inspected: InspectedModel, bucket: ModelBucket): Promise<Outcome<WeightFiles>> {
  const { facts, file } = inspected;
  if (file.stored !== undefined) return ok(storedWeights(ref, facts.external, file.stored, bucket));
  const external = await readExternal(ref, inspected, bucket);
  return external.ok ? ok(filesInMemory(external.value)) : external;
}

async function startGraph(
  ref: ModelRef,
  inspected: InspectedModel,
  { bucket, start, isShared, ...sharing }: LoadParts,
): Promise<Outcome<LoadedModel>> {
  const { manifest } = ref;
  const { facts, bounds, tokeniser } = inspected;
  const graphAt = ['files', manifest.graph];
  // What no input has a part in is computed when the runtime loads it.
  const { ms, loadMs, dearest } = bounds.ofLeast(facts.inputs);
  const affordable = isShared ? checkRunMs({ ms: Math.max(ms, loadMs), dearest }, { path: graphAt }) : ok(undefined);
  if (!affordable.ok) return affordable;
  const graph = await inspected.file.bytes();
  if (!graph.ok) return graph;
  const external = await readExternal(ref, inspected, bucket);
  if (!external.ok) return external;
  const runner = await start({ graph: graph.value, external: external.value });
  if (!runner.ok) return { ok: false, error: { ...runner.error, path: graphAt } };
  const loaded = { facts, bounds, runner: isShared ? bounds.before(runner.value) : runner.value, encoderBytes: undefined };
  if (tokeniser === undefined) return ok({ ...loaded, texts: undefined });
  const texts = TextModel.open({ ...loaded, bounds: isShared ? bounds : undefined, manifest, sharing, tokeniser }, graphAt);
  if (texts.ok) return ok({ ...loaded, texts: texts.value });
  await runner.value.release();
  return texts;
}

type ExternalFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The files that have weights of the graph, by the names that it calls them. */
async function readExternal(ref: ModelRef, { facts }: InspectedModel, bucket: ModelBucket): Promise<Outcome<ExternalFiles>> {
  const read = readerOf(ref, bucket);
  const external = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [location, path] of facts.external) {
    const data = await read(path, ['files', path]);
    if (!data.ok) return data;
    external.set(location, data.value);
  }
  return ok(external);
}

/** The file of the graph, which `checkManifest` has found. */
export const graphFileOf = ({ graph, files }: Pick<ServedManifest, 'graph' | 'files'>): ServedFile =>
  must(
    files.find(({ path }) => path === graph),
    'the graph is among the files',
  );

const readerOf =
  ({ manifest, owner }: ModelRef, bucket: ModelBucket) =>
  async (path: string, at: FieldPath): Promise<Outcome<Uint8Array<ArrayBuffer>>> => {
    const file = manifest.files.find((candidate) => candidate.path === path);
    return file === undefined ? refuse('invalid_value', 'is not among the files', at) : readServedFile(bucket, owner, file, at);
  };
