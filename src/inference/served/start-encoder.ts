import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { EncoderEngine } from '../encoder/encoder-engine.ts';
import { encoderBytes, misfitOf } from '../encoder/encoder-engine.ts';
import type { EncoderSource } from '../encoder/encoder-source.ts';
import { graphEncoderSource, shapeOf, wordsOf } from '../encoder/graph-encoder-source.ts';
import type { MatchedEncoder } from '../encoder/graph/matched-encoder.ts';
import { matchEncoder } from '../encoder/graph/match-encoder.ts';
import type { WeightFiles } from '../encoder/weight-files.ts';
import type { GraphRunner } from '../graph-runner.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import type { OnnxGraph } from '../onnx/onnx-graph.ts';
import type { ModelRef, ServedManifest } from '../served-manifest.ts';
import type { TextTokeniser } from '../text/text-tokeniser.ts';
import { EncoderBounds } from './encoder-bounds.ts';
import { EncoderRuns } from './encoder-runs.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ModelRoom } from './model-room.ts';
import { EDGE_ROOM } from './model-room.ts';
import { tokeniserMemoryBytes } from './model-size.ts';
import { UnreadableWeights } from './stored-weights.ts';
import { TextModel } from './text-model.ts';
import type { RunSharing } from './token-runs.ts';

/**
 * Starts the encoder engine on weights that it reads once. `tokensMax`: of the longest text. `onStep`: called whenever a run lets others have their turn.
 * Refuses what it has no memory for.
 */
export type StartEncoder = (source: EncoderSource, tokensMax: number, onStep: () => void) => Promise<Outcome<EncoderEngine>>;

/**
 * The encoder that a graph's output is, where the engine can compute what the model answers by it; undefined: the runtime does. The whole graph has been followed:
 * none that merely looks like an encoder is one. [M140]
 */
export function servedEncoder(manifest: ServedManifest, graph: OnnxGraph, output: string): MatchedEncoder | undefined {
  const { task, pooling, dimensions, tokensMax } = manifest;
  if (task !== 'embedding' || pooling === 'none') return undefined;
  const encoder = matchEncoder(graph, output);
  if (encoder === undefined || encoder.hidden !== dimensions) return undefined;
  const shape = shapeOf(encoder);
  if (shape.firstPosition + tokensMax > shape.positions) return undefined;
  return misfitOf({ shape, words: wordsOf(encoder) }) === undefined ? encoder : undefined;
}

/** What the engine takes of memory for an encoder, with the longest text. */
export const encoderMemoryBytes = (encoder: MatchedEncoder, tokensMax: number): number =>
  encoderBytes({ shape: shapeOf(encoder), words: wordsOf(encoder) }, tokensMax);

/** Whether an isolate has room for an encoder where it holds nothing else. */
export const hasRoomFor = (ref: ModelRef, encoder: MatchedEncoder, { encodersBytesMax }: ModelRoom = EDGE_ROOM): boolean =>
  encoderMemoryBytes(encoder, ref.manifest.tokensMax) + tokeniserMemoryBytes(ref) <= encodersBytesMax;

export interface EncoderParts {
  readonly encoder: MatchedEncoder;
  readonly files: WeightFiles;
  readonly facts: GraphFacts;
  readonly tokeniser: TextTokeniser;
  readonly sharing: RunSharing;
  readonly isShared: boolean;
  readonly start: StartEncoder;
  readonly onStep: () => void;
}

/** Loads a version whose texts the engine computes. */
export async function loadEncoder(manifest: ServedManifest, parts: EncoderParts): Promise<Outcome<LoadedModel>> {
  const { encoder, files, facts, isShared, start, onStep } = parts;
  const { tokensMax, pooling, isNormalised } = manifest;
  let engine: Outcome<EncoderEngine>;
  try {
    engine = await start(await graphEncoderSource(encoder, files), tokensMax, onStep);
  } catch (error) {
    if (error instanceof UnreadableWeights) return err(error.refusal);
    throw error;
  }
  if (!engine.ok) return engine;
  const { takesTypes } = encoder.embeddings;
  const runs = new EncoderRuns({
    engine: engine.value,
    pooling: must(pooling === 'none' ? undefined : pooling, 'an encoder is pooled'),
    isNormalised,
    takesTypes,
  });
  const bounds = new EncoderBounds(engine.value.shape);
  const texts = TextModel.open({ ...parts, manifest, runner: NO_GRAPH, bounds: isShared ? bounds : undefined, encoder: runs }, [
    'files',
    manifest.graph,
  ]);
  return texts.ok ? ok({ facts, bounds, runner: NO_GRAPH, texts: texts.value, encoderBytes: engine.value.bytes }) : texts;
}

/** What runs the graph of a model whose texts the engine computes: nothing. */
const NO_GRAPH: GraphRunner = {
  run: () => Promise.resolve(refuse('invalid_value', 'is loaded for texts, and not for tensors', 'model')),
  release: () => Promise.resolve(),
  isLost: false,
};

/** Weights of files that are in memory, by the names that a graph calls them. */
export const filesInMemory = (files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): WeightFiles => ({
  read: (location, offset, bytes) =>
    Promise.resolve(must(files.get(location), 'the graph names the files of its weights').subarray(offset, offset + bytes)),
});
