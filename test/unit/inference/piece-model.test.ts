import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { recallOf } from '../../../src/inference/build/retrieval-quality.ts';
import { findVersion } from '../../../src/inference/model-manifest.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { MODELS_FOLDER } from '../../../workers/cli/models/glove-sif-100.ts';
import { BGE_STATIC_256 } from '../../../workers/cli/models/bge-static-256.ts';
import { readManifests } from '../../../workers/cli/models/committed-models.ts';
import { IDENTIFIERS } from '../../../workers/cli/models/identifiers.ts';
import { identifierRecall } from '../../../workers/cli/models/measure.ts';
import { embedTexts, glossTask, qualityAt, readProbes } from '../../../workers/cli/models/measured-quality.ts';
import { pieceManifest, pieceModel, vocabularyWords } from '../../support/fixtures/default-model.ts';

it('[M198] the newest is the model of word pieces, and what indexes are pinned to is served', async () => {
  const catalogue = await readManifests();
  expect(catalogue.at(-1)).toEqual(pieceManifest);
  expect(pieceManifest.file.bytes).toBeLessThan(8e6);
  // Literals: indexes have stored them.
  for (const [version, hash] of [
    ['1', '57d743390574b7d04ccd1dc3f4ce5a045a6883b6c085c41edf95d09e8b735766'],
    ['2', 'e8315e0551d55d564de03ce390efaa412f065fa10520755d96e0d73b5c918d30'],
  ])
    for (const name of ['glove-sif-100', 'glove-sif-100-onnx'])
      expect(findVersion(catalogue, name, hash)).toMatchObject({ id: name, version, contractHash: hash, dimensions: 100 });
});

it('[M199] the default finds lemmas of definitions it never saw, and sentences of one meaning', async () => {
  // The first 400 of the 2,000 of the card, so that the search is short.
  const probes = (await readProbes(vocabularyWords)).slice(0, 400);
  const task = glossTask(pieceModel, probes);
  // Slightly below what the committed model reaches.
  expect(qualityAt(256, task).recallAt10).toBeGreaterThan(0.53);
  expect(qualityAt(64, task).recallAt10).toBeGreaterThan(0.47);
  const cosine = (left: string, right: string) => {
    const vectors = embedTexts(pieceModel, [left, right]);
    return vectors.subarray(0, 256).reduce((sum, x, d) => sum + x * vectors[256 + d]!, 0);
  };
  const asked = 'how do I reset a forgotten password';
  expect(cosine(asked, 'steps to recover your account credentials')).toBeGreaterThan(cosine(asked, 'how do I bake a loaf of bread') + 0.2);
});

it('[M199] most names find themselves first, and so do their other spellings', () => {
  const vectors = embedTexts(pieceModel, IDENTIFIERS);
  const task = { dimensions: pieceManifest.dimensions, queries: vectors, documents: vectors };
  const places = IDENTIFIERS.map((_, at) => at);
  // `C++` and `C#` are one letter.
  for (const recall of [recallOf(task, places), identifierRecall(pieceModel)]) expect(recall(1)).toBeGreaterThan(0.97);
});

it('[M192] [M10] whatever has a character has a vector of unit length, and equal texts the same', () => {
  const texts = ['a lock gate', 'été', '日本語', '...', ' ', '\ud800', '😀', '42', 'qqzxv', 'unbelievability'];
  const vectors = embedTexts(pieceModel, texts);
  texts.forEach((text, row) => {
    const vector = vectors.subarray(row * 256, (row + 1) * 256);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    expect(pieceModel.encoder.embed(tokenBatch([pieceModel.tokeniser.tokenise(text).ids]))).toEqual(vector);
  });
});

it('[M196] the recipe pins the teacher, the settings and what is said of texts that no fit saw', () => {
  const recipe: unknown = JSON.parse(readFileSync(join(MODELS_FOLDER, 'bge-static-256', 'recipe.json'), 'utf8'));
  expect(recipe).toMatchObject({
    inputs: expect.arrayContaining(
      Object.values(BGE_STATIC_256.teacher.sha256).map((sha256) => expect.objectContaining({ sha256, hub: BGE_STATIC_256.teacher.hub })),
    ),
    parameters: { settings: BGE_STATIC_256.settings, texts: BGE_STATIC_256.texts.count },
    contract: { tokeniserVersion: 'piece-1', vocabularySize: pieceManifest.vocabularySize },
    metrics: { heldOut: { recallAt10: expect.any(Number) } },
  });
});
