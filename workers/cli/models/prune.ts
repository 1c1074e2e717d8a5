import { readFile } from 'node:fs/promises';

import { pruneLayers, encoderLayers } from '../../../src/inference/build/prune/encoder-layers.ts';
import type { StaticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import { pruneDimensions, pruneVocabulary, staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import type { OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { constantBytes } from '../../../src/inference/build/graph/onnx-graph.ts';
import { sumRows } from '../../../src/inference/build/build-static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { Vocabulary } from '../../../src/inference/vocabulary.ts';
import { WordTokeniser } from '../../../src/inference/word-tokeniser.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { command, UsageError, whole } from '../command.ts';
import { calibrationRun, readCalibration } from './calibration.ts';
import type { ModelFolder } from './model-folder.ts';
import { readModelFolder, writeModelFolder } from './model-folder.ts';
import { textInputs } from './text-inputs.ts';

interface PruneOptions {
  readonly out: string;
  readonly words?: number;
  readonly corpus?: string;
  readonly dimensions?: number;
  readonly layers?: number;
  readonly calibrate?: string;
}

interface Pruned {
  readonly graph: OnnxGraph;
  /** What was measured while it was made. */
  readonly report: Readonly<Record<string, unknown>>;
}

/** `sluice models prune IN --out DIR`. */
export const prune = () =>
  command('prune', 'Leaves out words, dimensions or encoder layers of a model.')
    .argument('<in>', 'a model folder, or an ONNX file')
    .requiredOption('--out <dir>', 'an empty folder for the model, its recipe and its report')
    .option('--words <count>', 'of a static model: the most frequent words to keep', whole(1, 10_000_000))
    .option('--corpus <file>', 'a text file; of a static model: keep its words alone, or take the axes of its lines')
    .option('--dimensions <count>', 'of a static model: numbers a vector, on the principal axes', whole(1, 100_000))
    .option('--layers <count>', 'of an encoder: layers to leave out, those that the outputs miss least', whole(1, 1000))
    .option('--calibrate <file>', 'JSON lines of inputs, as for quantize; --layers needs them')
    .action(async (path: string, { out, ...options }: PruneOptions) => {
      const folder = await readModelFolder(path);
      const { graph, report } =
        options.layers === undefined ? await pruneStatic(folder, options) : await pruneEncoder(folder, options.layers, options);
      const bytes = { before: constantBytes(folder.graph), after: constantBytes(graph) };
      await writeModelFolder(out, {
        from: folder,
        graph,
        command: `sluice models prune ${path} --out ${out}`,
        parameters: options,
        report: { bytes, ...report },
      });
      console.log(`constants: ${bytes.before} bytes, now ${bytes.after}`);
      for (const [name, value] of Object.entries(report)) console.log(`${name}: ${JSON.stringify(value)}`);
    });

async function pruneStatic(folder: ModelFolder, { words, corpus, dimensions }: Omit<PruneOptions, 'out'>): Promise<Pruned> {
  if (words === undefined && corpus === undefined && dimensions === undefined)
    throw new UsageError('Give --words, --corpus, --dimensions or --layers.');
  const model = staticGraph(folder.graph);
  if (model === undefined) throw new UsageError('--words, --corpus and --dimensions are for static models, and this is none.');
  const lines = corpus === undefined ? undefined : await readLines(corpus);
  const fewer = dimensions === undefined ? keptWords(model, words, lines) : new Set(model.words.slice(0, words ?? model.words.length));
  const shorter = pruneVocabulary(model, fewer);
  if (dimensions === undefined) return { graph: shorter.graph, report: { words: shorter.words.length } };
  if (dimensions > model.table.columns) throw new UsageError(`--dimensions ${dimensions}: the model has ${model.table.columns}.`);
  const pruned = pruneDimensions(shorter, dimensions, lines && vectorsOf(shorter, lines));
  return { graph: pruned.graph, report: { words: pruned.words.length, dimensions } };
}

/** The words that stay: the most frequent, those of the corpus, or the most frequent of those. */
function keptWords(model: StaticGraph, words = model.words.length, lines: readonly string[] | undefined): ReadonlySet<string> {
  if (lines === undefined) return new Set(model.words.slice(0, words));
  const seen = new Set(lines.flatMap((line) => [...tokeniserOf(model).tokenise(line).ids]));
  return new Set(model.words.filter((_, i) => seen.has(i + 1)).slice(0, words));
}

const tokeniserOf = ({ words }: StaticGraph) => new WordTokeniser(new Vocabulary(utf8(words.join('\n'))));

function vectorsOf(model: StaticGraph, lines: readonly string[]) {
  const tokeniser = tokeniserOf(model);
  return sumRows(model.table, tokenBatch(lines.map((line) => tokeniser.tokenise(line).ids)));
}

async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  return text.split('\n').filter((line) => line.trim() !== '');
}

async function pruneEncoder(folder: ModelFolder, count: number, { calibrate }: Omit<PruneOptions, 'out'>): Promise<Pruned> {
  if (calibrate === undefined) throw new UsageError('--layers needs --calibrate.');
  const found = encoderLayers(folder.graph).length;
  if (count > found) throw new UsageError(`--layers ${count}: the graph has ${found} layers that can be left out.`);
  const inputs = await readCalibration(calibrate, textInputs(folder));
  const { graph, removed, sensitivities } = await pruneLayers(folder.graph, count, calibrationRun(inputs));
  return { graph, report: { removed, sensitivities } };
}
