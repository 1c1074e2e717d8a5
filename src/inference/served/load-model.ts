import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import { checkGraph } from '../onnx/check-graph.ts';
import { GraphCost } from '../onnx/cost/graph-cost.ts';
import { readOnnxGraph } from '../onnx/onnx-graph.ts';
import type { TextTokeniser } from '../text/text-tokeniser.ts';
import { isStatic } from './contract-hash.ts';
import type { GraphRunner, StartGraph } from '../graph-runner.ts';
import type { ModelBucket } from './model-bucket.ts';
import { readServedFile } from './model-bucket.ts';
import { checkLoadRoom } from './load-room.ts';
import { runsOnPoolsAlone, weightBytesOf } from './model-size.ts';
import type { ModelRef } from '../served-manifest.ts';
import type { TokeniserLoad } from './served-tokeniser.ts';
import { servedTokeniser } from './served-tokeniser.ts';
import { NO_RUNNER, StaticTexts } from './static-texts.ts';
import type { TextCalls } from './text-model.ts';
import { answerOf, TextModel } from './text-model.ts';
import { checkRunMs, RunBounds } from './run-bounds.ts';
import type { RunSharing } from './token-runs.ts';

export interface LoadedModel {
  readonly facts: GraphFacts;
  readonly runner: GraphRunner;
  readonly bounds: RunBounds;
  /** Absent: it takes no texts. */
  readonly texts: TextCalls | undefined;
}

export interface LoadParts extends RunSharing {
  readonly bucket: ModelBucket;
  readonly start: StartGraph;
  /** How many bytes of files there is room for while a model loads; absent: no limit but that of what runs it. */
  readonly loadRoomBytes?: () => number;
  /** Whether others wait while a graph runs, so that runs are bounded before they begin. [M59] */
  readonly isShared: boolean;
}

/** A version whose files but for weights outside of its graph are read, and found to fit together. */
interface InspectedModel {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly facts: GraphFacts;
  readonly bounds: RunBounds;
  /** The encoder of a static model. Absent: the model takes no texts, or has a tokeniser and a graph. */
  readonly ownTexts?: StaticTexts;
  /** Absent: it takes no texts, or is static. */
  readonly tokeniser?: TextTokeniser;
}

/**
 * Reads a version's graph and tokeniser and checks them, without the weights outside of the graph. The manifest has passed `checkManifest`, and
 * a check of its sizes.
 */
export async function inspectModel(ref: ModelRef, parts: TokeniserLoad): Promise<Outcome<InspectedModel>> {
  const { manifest } = ref;
  const read = readerOf(ref, parts.bucket);
  // Before the graph, whose bytes would be in memory meanwhile.
  const hasTokeniser = manifest.task !== 'graph' && !isStatic(manifest.task, manifest.files);
  const tokeniser = hasTokeniser ? await servedTokeniser(ref, parts, read) : undefined;
  if (tokeniser !== undefined && !tokeniser.ok) return tokeniser;
  const graphAt = ['files', manifest.graph];
  const bytes = await read(manifest.graph, graphAt);
  if (!bytes.ok) return bytes;
  const graph = readOnnxGraph(bytes.value, graphAt);
  if (!graph.ok) return graph;
  const weightsLimit = runsOnPoolsAlone(ref) ? 'modelBytesMax' : 'graphBytesMax';
  const facts = checkGraph(graph.value, { path: manifest.graph, files: manifest.files, at: graphAt, weightsLimit });
  if (!facts.ok) return facts;
  const unnamed = [...facts.value.external.values()].find((path) => !manifest.externalData.includes(path));
  if (unnamed !== undefined) return refuse('invalid_value', `does not name ${unnamed}, which the graph uses`, 'externalData');
  const inspected = { bytes: bytes.value, facts: facts.value, bounds: new RunBounds(new GraphCost(graph.value)) };
  if (manifest.task === 'graph') return ok(inspected);
  if (tokeniser === undefined) {
    const ownTexts = StaticTexts.open(manifest, bytes.value, graphAt);
    return ownTexts.ok ? ok({ ...inspected, ownTexts: ownTexts.value }) : ownTexts;
  }
  const answer = answerOf(manifest.task, facts.value, graphAt);
  return answer.ok ? ok({ ...inspected, tokeniser: tokeniser.value }) : answer;
}

/** Loads a version that `inspectModel` finds whole. */
export async function loadModel(
  ref: ModelRef,
  { bucket, start, isShared, loadRoomBytes, ...sharing }: LoadParts,
): Promise<Outcome<LoadedModel>> {
  const room = checkLoadRoom(weightBytesOf(ref), loadRoomBytes);
  if (!room.ok) return room;
  const inspected = await inspectModel(ref, { bucket, timer: sharing.timer, ...(loadRoomBytes === undefined ? {} : { loadRoomBytes }) });
  if (!inspected.ok) return inspected;
  const { manifest } = ref;
  const { bytes, facts, bounds, ownTexts, tokeniser } = inspected.value;
  if (ownTexts !== undefined) return ok({ facts, bounds, runner: NO_RUNNER, texts: ownTexts });
  const read = readerOf(ref, bucket);
  const graphAt = ['files', manifest.graph];
  // What no input has a part in is computed when the runtime loads it.
  const { ms, loadMs, dearest } = bounds.ofLeast(facts.inputs);
  const affordable = isShared ? checkRunMs({ ms: Math.max(ms, loadMs), dearest }, { path: graphAt }) : ok(undefined);
  if (!affordable.ok) return affordable;
  const external = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [location, path] of facts.external) {
    const data = await read(path, ['files', path]);
    if (!data.ok) return data;
    external.set(location, data.value);
  }
  const runner = await start({ graph: bytes, external });
  if (!runner.ok) return { ok: false, error: { ...runner.error, path: graphAt } };
  const loaded = { facts, bounds, runner: isShared ? bounds.before(runner.value) : runner.value };
  if (tokeniser === undefined) return ok({ ...loaded, texts: undefined });
  const texts = TextModel.open({ ...loaded, bounds: isShared ? bounds : undefined, manifest, sharing, tokeniser }, graphAt);
  if (texts.ok) return ok({ ...loaded, texts: texts.value });
  await runner.value.release();
  return texts;
}

const readerOf =
  ({ manifest, owner }: ModelRef, bucket: ModelBucket) =>
  async (path: string, at: FieldPath): Promise<Outcome<Uint8Array<ArrayBuffer>>> => {
    const file = manifest.files.find((candidate) => candidate.path === path);
    return file === undefined ? refuse('invalid_value', 'is not among the files', at) : readServedFile(bucket, owner, file, at);
  };
