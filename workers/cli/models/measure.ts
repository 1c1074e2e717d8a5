import { sumRows } from '../../../src/inference/build/build-static-model.ts';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import type { RetrievalQuality, RetrievalTask } from '../../../src/inference/build/retrieval-quality.ts';
import { overlapAt10, retrievalQuality } from '../../../src/inference/build/retrieval-quality.ts';
import { glossProbes } from '../../../src/inference/build/wordnet.ts';
import type { StaticModel } from '../../../src/inference/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { truncate } from '../../../src/inference/unit-vectors.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';
import { readSynsets } from './sources.ts';

/** The prefixes of the vector whose quality the recipe states. */
const MEASURED_DIMENSIONS = [100, 64, 32] as const;

/** The gloss probes as seen by the model as it is served. */
export async function servedTask({ tokeniser, encoder }: StaticModel): Promise<RetrievalTask> {
  const probes = await readProbes(tokeniser);
  return {
    dimensions: encoder.manifest.dimensions,
    queries: encoder.embed(tokenBatch(probes.map((probe) => probe.gloss))),
    documents: encoder.embed(tokenBatch(probes.map((probe) => probe.lemma))),
  };
}

/** The gloss probes as seen by the table before it was quantised. */
async function unquantisedTask({ tokeniser }: StaticModel, table: Matrix): Promise<RetrievalTask> {
  const probes = await readProbes(tokeniser);
  return {
    dimensions: table.columns,
    queries: sumRows(table, tokenBatch(probes.map((probe) => probe.gloss))).values,
    documents: sumRows(table, tokenBatch(probes.map((probe) => probe.lemma))).values,
  };
}

/** Quality of the first `dimensions` numbers of each vector. */
export function qualityAt(dimensions: number, task: RetrievalTask): RetrievalQuality & { readonly dimensions: number } {
  const prefix = (vectors: ArrayLike<number>) => truncate(Float32Array.from(vectors), task.dimensions, dimensions);
  const { recallAt10, mrr } = retrievalQuality({ dimensions, queries: prefix(task.queries), documents: prefix(task.documents) });
  return { dimensions, recallAt10, mrr };
}

/** What the recipe states about the model. */
export async function measure(model: StaticModel, table: Matrix) {
  const served = await servedTask(model);
  return {
    glossToLemma: MEASURED_DIMENSIONS.map((dimensions) => qualityAt(dimensions, served)),
    overlapAt10WithUnquantised: overlapAt10(served, await unquantisedTask(model, table)),
  };
}

async function readProbes(tokeniser: StaticModel['tokeniser']) {
  const { file, count, seed } = GLOVE_SIF_100.probes;
  return glossProbes(await readSynsets(file), tokeniser, count, seed);
}
