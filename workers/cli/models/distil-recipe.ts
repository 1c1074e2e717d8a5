import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { EmbeddingContract } from '../../../src/inference/embedding-contract.ts';
import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { PIECE_TOKENISER_VERSION } from '../../../src/inference/static/piece-tokeniser.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { PieceStudent } from '../../builds/distil-pieces.ts';
import { distilPieces, OPSET } from '../../builds/distil-pieces.ts';
import { readInput, readTexts } from '../../builds/distil-student.ts';
import { readModelFolder } from '../../builds/model-folder.ts';
import type { PieceVocabulary } from '../../builds/piece-vocabulary.ts';
import { pieceVocabulary } from '../../builds/piece-vocabulary.ts';
import { textEmbedder } from '../../builds/text-embedder.ts';
import { UsageError } from '../command/command.ts';
import { BGE_STATIC_256 } from './bge-static-256.ts';

export interface DistilRecipeOptions {
  readonly texts: string;
  readonly teacher: string;
  /** The teacher's vectors of the texts and then of the pieces, where they are recorded. */
  readonly vectors?: string;
  readonly out: string;
}

/** The only recipe there is: that of the default model. Refuses a teacher that is another than the recipe's. */
export async function distilRecipe({ texts: path, teacher, vectors, out }: DistilRecipeOptions): Promise<void> {
  const { id, version, teacher: pinned, settings } = BGE_STATIC_256;
  for (const [name, sha256] of Object.entries(pinned.sha256))
    if ((await sha256Hex(new Uint8Array(await readInput(join(teacher, name))))) !== sha256)
      throw new UsageError(`${join(teacher, name)} is not that of ${pinned.hub} in ${pinned.package}.`);
  const vocabulary = pieceVocabulary(await readFile(join(teacher, 'tokenizer.json'), 'utf8'));
  const { texts, groups = [] } = await readTexts({ texts: path, field: 'text', group: 'group' });
  const taught = vectors === undefined ? await embedded(teacher, [...texts, ...vocabulary.texts]) : await recorded(vectors);
  const student = distilPieces({ texts, groups, vectors: taught, vocabulary }, id, settings);
  const { manifest, contract } = await describe(student, vocabulary);
  const recipe = {
    command: `sluice models distil --recipe ${id} --texts TEXTS --teacher FOLDER --out FOLDER`,
    node: process.version,
    inputs: [
      ...Object.entries(pinned.sha256).map(([name, sha256]) => ({ uri: `${pinned.package}/${name}`, hub: pinned.hub, sha256 })),
      ...BGE_STATIC_256.texts.files.map(({ name, package: from, sha256 }) => ({ uri: `${from}/${name}`, sha256 })),
      { uri: 'texts of sluice models texts', sha256: await sha256Hex(new Uint8Array(await readInput(path))) },
    ],
    outputsFolder: 'workers/gateway/public/models',
    parameters: { settings, texts: texts.length, version },
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
  { file, vocabularySize, axes }: PieceStudent,
  vocabulary: PieceVocabulary,
): Promise<{ readonly manifest: ModelManifest; readonly contract: EmbeddingContract }> {
  const { id, version, createdS, tokensMax, settings } = BGE_STATIC_256;
  const { dimensions, sifA } = settings;
  const sha256 = await sha256Hex(file);
  const contract: EmbeddingContract = {
    modelSha256: sha256,
    tokeniserVersion: PIECE_TOKENISER_VERSION,
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
    ownedBy: 'sluice',
  };
  return { manifest, contract };
}
