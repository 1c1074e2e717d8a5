import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { SettingsGrid } from '../../../src/inference/build/distil/nested-validation.ts';
import { DISTIL_GRID } from '../../../src/inference/build/distil/nested-validation.ts';
import { glossTexts } from '../../../src/inference/build/wordnet.ts';
import { BuildFailure, UnusableInput } from '../../../workers/builds/build-error.ts';
import { distilStudent } from '../../../workers/builds/distil-student.ts';
import { gateModels } from '../../../workers/builds/gate-models.ts';
import type { ModelFolder } from '../../../workers/builds/model-folder.ts';
import { readModelFolder } from '../../../workers/builds/model-folder.ts';
import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { pruneFolder } from '../../../workers/builds/prune-folder.ts';
import { quantiseFolder } from '../../../workers/builds/quantise-folder.ts';
import { textEmbedder } from '../../../workers/builds/text-embedder.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { table } from '../../../workers/cli/command/command.ts';
import { GLOVE_SIF_100, MODEL_FOLDER } from '../../../workers/cli/models/glove-sif-100.ts';
import { ROOT } from '../../../workers/local/paths.ts';

/** Where encoders are, each a folder in Hugging Face's layout, if there are any: no test needs them. */
const ENCODERS = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');
const NAMES = ['all-minilm-l6-v2-q', 'bge-small-en-v1.5-q', 'e5-small-v2-q'];
/** One point for all settings but the weight of the base's words and the strength of the prior, which matter most. */
const QUICK_GRID: SettingsGrid = { ...DISTIL_GRID, tokensMax: [256], sifA: [0.003], ridge: [0.3] };

/** What real encoders become: quantised, without a layer, and a student of them, by the functions of the commands and jobs. */
export async function realEncodersBench(quick: boolean): Promise<void> {
  const found = NAMES.filter((name) => existsSync(join(ENCODERS, name, 'model.onnx')));
  if (found.length === 0) return console.log(`No encoders in ${ENCODERS} (SLUICE_ENCODERS): nothing is measured.`);
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-encoders-'));
  const count = quick ? 200 : 800;
  const glosses = glossTexts(await readSynsets('data.noun'), count, 5);
  const texts = join(scratch, 'texts.jsonl');
  const calibration = join(scratch, 'calibration.jsonl');
  const lines = glosses.map(({ gloss }) => JSON.stringify({ text: gloss }));
  await writeFile(texts, lines.join('\n'));
  await writeFile(calibration, lines.slice(0, 8).join('\n'));
  const base = await readModelFolder(join(MODEL_FOLDER, GLOVE_SIF_100.versions.second.folder));
  const rows: (string | number)[][] = [];
  for (const name of quick ? found.slice(0, 1) : found) {
    const folder = await readModelFolder(join(ENCODERS, name));
    const { size } = await stat(join(folder.root, folder.graphPath));
    rows.push([name, 'as it is', size, '', '']);
    rows.push([name, 'quantised', ...(await judged(folder, glosses, () => quantiseFolder(folder, { bits: 8, block: 32, skip: [] })))]);
    rows.push([name, 'a layer less', ...(await judged(folder, glosses, () => pruneFolder(folder, { layers: 1, calibration })))]);
    const model = await textEmbedder(folder);
    const settings = { texts, field: 'text', words: 20_000, folds: 5 };
    const { file, quality } = await distilStudent(base, { model }, settings, quick ? QUICK_GRID : DISTIL_GRID);
    await model.close();
    rows.push([name, 'student', file.length, quality.recallAt10.toFixed(3), quality.cosine.toFixed(3)]);
  }
  await rm(scratch, { recursive: true });
  console.log(
    `${count} definitions of WordNet; recall@10 in the index of the encoder, of a student for texts that it never saw (5 folds).\n`,
  );
  console.log(table(['encoder', 'made', 'bytes', 'recall@10', 'cosine'], rows));
}

/** Bytes, and of the ten nearest the share that stay; or why it is refused. */
async function judged(
  folder: ModelFolder,
  glosses: readonly { readonly gloss: string; readonly lemma: string }[],
  make: () => Promise<Pick<ModelFolder, 'graph'>>,
): Promise<(string | number)[]> {
  try {
    const { graph } = await make();
    const verdict = await gateModels({
      base: await textEmbedder(folder),
      candidate: await textEmbedder({ ...folder, graph }),
      texts: {
        queries: glosses.map(({ lemma }) => lemma),
        documents: glosses.map(({ gloss }) => gloss),
        relevance: glosses.map((_, i) => new Map([[i, 1]])),
      },
      pairs: undefined,
      bounds: { overlapMin: 0, ndcgRatioMin: 0, similarityDropMax: 1 },
    });
    const overlap = verdict.checks.find(({ name }) => name === 'overlap@10')?.value ?? Number.NaN;
    return [writeOnnxGraph(graph).length, overlap.toFixed(3), ''];
  } catch (error) {
    if (!(error instanceof BuildFailure || error instanceof UnusableInput)) throw error;
    return [`refused: ${error.message.split(/[.;]/)[0]}`, '', ''];
  }
}
