import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { EmbeddingContract } from '../../../src/inference/embedding-contract.ts';
import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { PieceStudent } from '../../builds/distil-pieces.ts';
import { distilPieces, OPSET } from '../../builds/distil-pieces.ts';
import { readInput, readTexts } from '../../builds/distil-student.ts';
import { readModelFolder } from '../../builds/model-folder.ts';
import type { PieceVocabulary } from '../../builds/piece-vocabulary.ts';
import { pieceVocabulary } from '../../builds/piece-vocabulary.ts';
import { textEmbedder } from '../../builds/text-embedder.ts';
import type { UnigramCut } from '../../builds/unigram-vocabulary.ts';
import { unigramVocabulary } from '../../builds/unigram-vocabulary.ts';
import { UsageError } from '../command/command.ts';
import type { PieceSettings } from '../../../src/inference/build/distil/piece-table.ts';
import { must } from '../../../src/kernel/assert.ts';
import { BGE_STATIC_256 } from './bge-static-256.ts';
import { MULTILINGUAL_E5_STATIC_256 } from './multilingual-e5-static-256.ts';

/** How a model of the deployment is made of a teacher that a package ships. */
interface Recipe {
  readonly id: string;
  readonly version: string;
  readonly createdS: number;
  readonly retrievalQuality: number;
  readonly tokensMax: number;
  readonly teacher: { readonly hub: string; readonly package: string; readonly sha256: Readonly<Record<string, string>> };
  readonly texts: { readonly files: readonly { readonly name: string; readonly package: string; readonly sha256: string }[] };
  /** Which pieces of a unigram teacher have rows; absent: those of a WordPiece teacher that are ASCII letters and digits. */
  readonly pieces?: UnigramCut;
  readonly settings: PieceSettings;
}

const RECIPES: readonly Recipe[] = [BGE_STATIC_256, MULTILINGUAL_E5_STATIC_256];

export const RECIPE_NAMES = RECIPES.map(({ id }) => id);

export interface DistilRecipeOptions {
  /** One of `RECIPE_NAMES`. */
  readonly recipe: string;
  readonly texts: string;
  readonly teacher: string;
  /** The teacher's vectors of the texts and then of the pieces, where they are recorded. */
  readonly vectors?: string;
  readonly out: string;
}

/** Makes a model of the deployment again. Refuses a teacher that is another than the recipe's. */
export async function distilRecipe({ recipe: name, texts: path, teacher, vectors, out }: DistilRecipeOptions): Promise<void> {
  const made = must(
    RECIPES.find(({ id }) => id === name),
    'the command line offers these alone',
  );
  const { id, version, teacher: pinned, pieces, settings } = made;
  for (const [file, sha256] of Object.entries(pinned.sha256))
    if ((await sha256Hex(new Uint8Array(await readInput(join(teacher, file))))) !== sha256)
      throw new UsageError(`${join(teacher, file)} is not that of ${pinned.hub} in ${pinned.package}.`);
  const { texts, groups = [] } = await readTexts({ texts: path, field: 'text', group: 'group' });
  const tokeniserFile = new Uint8Array(await readFile(join(teacher, 'tokenizer.json')));
  const vocabulary =
    pieces === undefined ? pieceVocabulary(new TextDecoder().decode(tokeniserFile)) : unigramVocabulary(tokeniserFile, texts, pieces);
  const taught = vectors === undefined ? await embedded(teacher, [...texts, ...vocabulary.texts]) : await recorded(vectors);
  const student = distilPieces({ texts, groups, vectors: taught, vocabulary }, id, settings);
  const { manifest, contract } = await describe(made, student, vocabulary);
  const recipe = {
    command: `sluice models distil --recipe ${id} --texts TEXTS --teacher FOLDER --out FOLDER`,
    node: process.version,
    inputs: [
      ...Object.entries(pinned.sha256).map(([file, sha256]) => ({ uri: `${pinned.package}/${file}`, hub: pinned.hub, sha256 })),
      ...made.texts.files.map(({ name: file, package: from, sha256 }) => ({ uri: `${from}/${file}`, sha256 })),
      { uri: 'texts of sluice models texts', sha256: await sha256Hex(new Uint8Array(await readInput(path))) },
    ],
    outputsFolder: 'workers/gateway/public/models',
    parameters: { settings, ...(pieces && { pieces }), texts: texts.length, version },
    outputs: [manifest.file],
    contract,
    metrics: { heldOut: student.heldOut },
  };
  await writeFile(join(out, 'model.onnx'), student.file);
  await writeFile(join(out, 'manifest.json'), jsonFile({ models: [manifest] }));
  await writeFile(join(out, 'recipe.json'), jsonFile(recipe));
  const { texts: count, recallAt10 } = student.heldOut;
  console.log(`${count} texts that no fit saw: ${recallAt10.toFixed(3)} of the teacher's ten nearest are the student's`);
}

const jsonFile = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function embedded(folder: string, texts: readonly string[]): Promise<Float32Array> {
  const model = await textEmbedder(await readModelFolder(folder));
  const { vectors } = await model.embed(texts, 'passage');
  await model.close();
  return vectors;
}

const recorded = async (path: string): Promise<Float32Array> => new Float32Array(new Uint8Array(await readInput(path)).buffer);

async function describe(
  { id, version, createdS, retrievalQuality, tokensMax, settings }: Recipe,
  { file, vocabularySize, axes }: PieceStudent,
  vocabulary: PieceVocabulary,
): Promise<{ readonly manifest: ModelManifest; readonly contract: EmbeddingContract }> {
  const { dimensions, sifA } = settings;
  const sha256 = await sha256Hex(file);
  const contract: EmbeddingContract = {
    modelSha256: sha256,
    tokeniserVersion: vocabulary.tokeniser,
    vocabularySha256: await sha256Hex(vocabulary.bytes),
    vocabularySize,
    dimensions,
    sifA,
    axesSha256: await sha256Hex(new Uint8Array(axes.slice().buffer)),
    normalisation: 'l2',
    outputQuantiser: 'float32',
    opset: OPSET,
  };
  const manifest: ModelManifest = {
    id,
    runner: 'static',
    version,
    dimensions,
    vocabularySize,
    tokensMax,
    contractHash: await contractHash(contract),
    file: { path: `${id}/model.onnx`, bytes: file.length, sha256 },
    createdS,
    retrievalQuality,
    ownedBy: 'sluice',
  };
  return { manifest, contract };
}
