import { sumRows } from '../../../src/inference/build/build-static-model.ts';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import { misspellings } from '../../../src/inference/build/misspellings.ts';
import type { RetrievalQuality, RetrievalTask } from '../../../src/inference/build/retrieval-quality.ts';
import { overlapAt10, recallOf, retrievalQuality } from '../../../src/inference/build/retrieval-quality.ts';
import { glossProbes, oneWordLemmas } from '../../../src/inference/build/wordnet.ts';
import type { StaticModel } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { truncate } from '../../../src/inference/unit-vectors.ts';
import type { WordTokeniser } from '../../../src/inference/static/word-tokeniser.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';
import { readSynsets } from '../../builds/wordnet-files.ts';

/** The prefixes of the vector whose quality the recipe states. */
const MEASURED_DIMENSIONS = [100, 64, 32] as const;

/** What the recipe states about a model. */
export interface QualityFigures {
  readonly glossToLemma: readonly (RetrievalQuality & { readonly dimensions: number })[];
  readonly overlapAt10WithUnquantised: number;
  readonly misspeltToLemma: { readonly count: number; readonly lemmas: number; readonly recallAt10: number; readonly recallAt1: number };
}

/** `words`: the tokeniser of the first version, whose vocabulary decides which definitions are asked for, so that all versions answer the same. */
export async function measureQuality(model: StaticModel, table: Matrix, words: WordTokeniser): Promise<QualityFigures> {
  const probes = await readProbes(words);
  const served = glossTask(model, probes);
  return {
    glossToLemma: MEASURED_DIMENSIONS.map((dimensions) => qualityAt(dimensions, served)),
    overlapAt10WithUnquantised: overlapAt10(served, unquantisedTask(model, table, probes)),
    misspeltToLemma: await misspeltQuality(model, GLOVE_SIF_100.probes.misspellings),
  };
}

type Probes = ReturnType<typeof glossProbes>;

export async function readProbes(words: WordTokeniser): Promise<Probes> {
  const { file, count, seed } = GLOVE_SIF_100.probes;
  return glossProbes(await readSynsets(file), words, count, seed);
}

/** The gloss probes as seen by the model as it is served. */
export function glossTask(model: StaticModel, probes: Probes): RetrievalTask {
  return {
    dimensions: model.encoder.manifest.dimensions,
    queries: embedTexts(
      model,
      probes.map(({ gloss }) => gloss),
    ),
    documents: embedTexts(
      model,
      probes.map(({ lemma }) => lemma),
    ),
  };
}

/** The gloss probes as seen by the table before it was quantised. */
function unquantisedTask({ tokeniser }: StaticModel, table: Matrix, probes: Probes): RetrievalTask {
  const sums = (texts: readonly string[]) => sumRows(table, tokenBatch(texts.map((text) => tokeniser.tokenise(text).ids))).values;
  return { dimensions: table.columns, queries: sums(probes.map(({ gloss }) => gloss)), documents: sums(probes.map(({ lemma }) => lemma)) };
}

/** Quality of the first `dimensions` numbers of each vector. */
export function qualityAt(dimensions: number, task: RetrievalTask): RetrievalQuality & { readonly dimensions: number } {
  const prefix = (vectors: ArrayLike<number>) => truncate(Float32Array.from(vectors), task.dimensions, dimensions);
  const { recallAt10, mrr } = retrievalQuality({ dimensions, queries: prefix(task.queries), documents: prefix(task.documents) });
  return { dimensions, recallAt10, mrr };
}

/** How often a misspelt lemma of WordNet finds the right one among all lemmas of one word, or the first `lemmasMax` of a shuffled order. */
export async function misspeltQuality(
  model: StaticModel,
  { count, seed, lemmasEvery }: { count: number; seed: number; lemmasEvery: number },
) {
  const synsets = await Promise.all(GLOVE_SIF_100.dictionaryFiles.map((file) => readSynsets(file)));
  const lemmas = oneWordLemmas(synsets.flat()).filter((_, at) => at % lemmasEvery === 0);
  const asked = misspellings(lemmas, count, seed);
  const queries = embedTexts(
    model,
    asked.map(({ text }) => text),
  );
  const answers = asked.map(({ word }) => word);
  const recall = recallOf({ dimensions: model.encoder.manifest.dimensions, queries, documents: embedTexts(model, lemmas) }, answers);
  return { count, lemmas: lemmas.length, recallAt10: recall(10), recallAt1: recall(1) };
}

export const embedTexts = ({ tokeniser, encoder }: StaticModel, texts: readonly string[]): Float32Array<ArrayBuffer> =>
  encoder.embed(tokenBatch(texts.map((text) => tokeniser.tokenise(text).ids)));
