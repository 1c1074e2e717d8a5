import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findVersion } from '../../../src/inference/model-manifest.ts';
import { staticModelInSteps } from '../../../src/inference/static/static-model.ts';
import { must } from '../../../src/kernel/assert.ts';
import { inTurns } from '../../../src/kernel/timer.ts';
import { readManifests } from '../../../workers/cli/models/committed-models.ts';
import { MODELS_FOLDER } from '../../../workers/cli/models/glove-sif-100.ts';
import { embedTexts } from '../../../workers/cli/models/measured-quality.ts';
import { MULTILINGUAL_E5_STATIC_256 as RECIPE } from '../../../workers/cli/models/multilingual-e5-static-256.ts';
import { pieceManifest } from '../../support/fixtures/default-model.ts';

const catalogue = await readManifests();
const manifest = must(findVersion(catalogue, RECIPE.id), 'it is of the deployment');
const file = new Uint8Array(readFileSync(join(MODELS_FOLDER, manifest.file.path)));

let turns = 0;
const timer = {
  after: (_: number, run: () => void) => {
    turns++;
    queueMicrotask(run);
    return () => undefined;
  },
};
const opened = await inTurns(staticModelInSteps(manifest, file), timer);
const model = must(opened.ok ? opened.value : undefined, 'it opens');

const THEMES = [
  ['The lock keeper opens the gates of the canal.', 'Der Schleusenwärter öffnet die Tore des Kanals.', '船闸管理员打开运河的闸门。'],
  ['Bread is baked from flour, water and salt.', 'Brot wird aus Mehl, Wasser und Salz gebacken.', '面包是用面粉、水和盐烤制的。'],
  ['The parliament passed a new law on taxes.', 'Das Parlament verabschiedete ein neues Steuergesetz.', '议会通过了一项新的税法。'],
  ['Viruses cause diseases of the lungs.', 'Viren verursachen Krankheiten der Lunge.', '病毒会引起肺部疾病。'],
] as const;
const QUESTIONS = [
  ['Who opens the lock?', 'Wer öffnet die Schleuse?', '谁打开船闸？'],
  ['What is bread made of?', 'Woraus besteht Brot?', '面包是什么做的？'],
  ['Which law did parliament pass?', 'Welches Gesetz hat das Parlament beschlossen?', '议会通过了什么法律？'],
  ['What makes the lungs ill?', 'Was macht die Lunge krank?', '什么会使肺部生病？'],
] as const;

it.each([0, 1, 2] as const)('[M210] a question finds its answer among others in language %i', (language) => {
  const [asked, found] = [QUESTIONS, THEMES].map((rows) =>
    embedTexts(
      model,
      rows.map((row) => row[language]),
    ),
  );
  const cosine = (question: number, text: number) =>
    must(asked, 'embedded')
      .subarray(question * 256, (question + 1) * 256)
      .reduce((sum, x, d) => sum + x * (found?.[text * 256 + d] ?? 0), 0);
  const best = QUESTIONS.map((_, question) =>
    THEMES.map((__, text) => cosine(question, text)).reduce((top, x, i, all) => (x > (all[top] ?? 0) ? i : top), 0),
  );
  expect(best).toEqual([0, 1, 2, 3]);
});

it('[M210] it is offered by name, below the limit of an asset, and the default stays', () => {
  expect(catalogue.at(-1)).toEqual(pieceManifest);
  expect(manifest.file.bytes).toBeLessThan(22e6);
  const recipe: unknown = JSON.parse(readFileSync(join(MODELS_FOLDER, RECIPE.id, 'recipe.json'), 'utf8'));
  expect(recipe).toMatchObject({
    inputs: expect.arrayContaining([
      expect.objectContaining({ sha256: RECIPE.teacher.sha256['model.onnx'], hub: RECIPE.teacher.hub }),
      expect.objectContaining({ sha256: RECIPE.texts.sha256 }),
    ]),
    parameters: { settings: RECIPE.settings, pieces: RECIPE.pieces, texts: RECIPE.texts.count },
    outputs: [{ sha256: manifest.file.sha256 }],
  });
});

it('[M211] it is opened in tens of steps', () => {
  expect(turns).toBeGreaterThan(20);
});

it('[M208] whatever has a character has a vector of unit length', () => {
  const texts = ['été', '日本語', '...', ' ', '\ud800', '😀', '42', 'ꙮ', 'ﷺ'];
  const vectors = embedTexts(model, texts);
  texts.forEach((_, row) => expect(Math.hypot(...vectors.subarray(row * 256, (row + 1) * 256))).toBeCloseTo(1, 6));
});
