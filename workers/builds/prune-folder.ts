import { PIECE_TOKENISER_VERSION } from '../../src/inference/static/piece-tokeniser.ts';
import { readFile } from 'node:fs/promises';

import { sumRows } from '../../src/inference/build/build-static-model.ts';
import type { OnnxGraph } from '../../src/inference/build/graph/onnx-graph.ts';
import { constantBytes } from '../../src/inference/build/graph/onnx-graph.ts';
import { encoderLayers, pruneLayers } from '../../src/inference/build/prune/encoder-layers.ts';
import type { StaticGraph } from '../../src/inference/build/prune/static-graph.ts';
import { asRead, pruneDimensions, pruneVocabulary, staticGraph } from '../../src/inference/build/prune/static-graph.ts';
import { tokenBatch } from '../../src/inference/token-batch.ts';
import { tokeniserOf } from '../../src/inference/static/static-model.ts';
import { utf8 } from '../../src/kernel/bytes.ts';
import { UnusableInput } from './build-error.ts';
import { calibrationRun, readCalibration } from './calibration.ts';
import type { DerivedGraph, ModelFolder } from './model-folder.ts';
import { textInputs } from './text-inputs.ts';

/** What is left out of a model. */
export interface PruneSettings {
  /** Of a static model: how many of the most frequent words stay. */
  readonly words?: number;
  /** A text file. Of a static model: its words alone stay, or the axes are those of its lines. */
  readonly corpus?: string;
  /** Of a static model: numbers a vector. */
  readonly dimensions?: number;
  /** Of an encoder: how many layers are left out. */
  readonly layers?: number;
  /** A file of inputs, by which the layers are chosen. */
  readonly calibration?: string;
}

export interface PruneReport extends Readonly<Record<string, unknown>> {
  /** Of the constants. */
  readonly bytes: { readonly before: number; readonly after: number };
}

interface Pruned {
  readonly graph: OnnxGraph;
  /** What was measured while it was made. */
  readonly report: Readonly<Record<string, unknown>>;
}

/** Leaves out words, dimensions or encoder layers of a model. */
export async function pruneFolder(folder: ModelFolder, settings: PruneSettings): Promise<DerivedGraph<PruneReport>> {
  const { graph, report } =
    settings.layers === undefined ? await pruneStatic(folder, settings) : await pruneEncoder(folder, settings.layers, settings);
  const bytes = { before: constantBytes(folder.graph), after: constantBytes(graph) };
  if (bytes.after >= bytes.before)
    throw new UnusableInput(`nothing_pruned: the constants have ${bytes.before} bytes, and would have ${bytes.after}.`);
  return { graph, parameters: { ...settings }, report: { bytes, ...report } };
}

async function pruneStatic(folder: ModelFolder, { words, corpus, dimensions }: PruneSettings): Promise<Pruned> {
  if (words === undefined && corpus === undefined && dimensions === undefined)
    throw new UnusableInput('Say what to leave out: words, words that a corpus lacks, dimensions or layers.');
  const model = staticGraph(folder.graph);
  if (model === undefined) throw new UnusableInput('words, a corpus and dimensions are for static models, and this is none.');
  if (model.tokeniser === PIECE_TOKENISER_VERSION && (words !== undefined || corpus !== undefined))
    throw new UnusableInput('it has rows of word pieces, which are not in the order of how frequent they are: give dimensions alone.');
  const lines = corpus === undefined ? undefined : await readLines(corpus);
  const fewer = dimensions === undefined ? keptWords(model, words, lines) : new Set(model.words.slice(0, words ?? model.words.length));
  const shorter = pruneVocabulary(model, fewer);
  if (dimensions === undefined) return { graph: asRead(shorter), report: { words: shorter.words.length } };
  if (dimensions > model.table.columns) throw new UnusableInput(`${dimensions} dimensions: the model has ${model.table.columns}.`);
  const pruned = pruneDimensions(shorter, dimensions, lines && vectorsOf(shorter, lines));
  return { graph: asRead(pruned), report: { words: pruned.words.length, dimensions } };
}

/** The words that stay: the most frequent, those of the corpus, or the most frequent of those. */
function keptWords(model: StaticGraph, words = model.words.length, lines: readonly string[] | undefined): ReadonlySet<string> {
  if (lines === undefined) return new Set(model.words.slice(0, words));
  const seen = new Set(lines.flatMap((line) => [...wordsOf(model).tokenise(line).ids]));
  return new Set(model.words.filter((_, i) => seen.has(i + 1)).slice(0, words));
}

function wordsOf({ words, tokeniser }: StaticGraph) {
  const known = tokeniserOf({ tokeniser, vocabulary: utf8(words.join('\n')) });
  if (known === undefined) throw new UnusableInput('its words collide, or its tokeniser is not known.');
  return known;
}

function vectorsOf(model: StaticGraph, lines: readonly string[]) {
  const tokeniser = wordsOf(model);
  return sumRows(model.table, tokenBatch(lines.map((line) => tokeniser.tokenise(line).ids)));
}

async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UnusableInput(`${path} cannot be read.`);
  });
  return text.split('\n').filter((line) => line.trim() !== '');
}

async function pruneEncoder(folder: ModelFolder, count: number, { calibration }: PruneSettings): Promise<Pruned> {
  if (calibration === undefined) throw new UnusableInput('Layers are chosen by calibration inputs: give some.');
  const found = encoderLayers(folder.graph).length;
  if (count > found) throw new UnusableInput(`${count} layers: the graph has ${found} layers that can be left out.`);
  const inputs = await readCalibration(calibration, textInputs(folder));
  const { graph, removed, sensitivities } = await pruneLayers(folder.graph, count, calibrationRun(inputs));
  return { graph, report: { removed, sensitivities } };
}
