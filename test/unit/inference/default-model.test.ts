import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RetrievalTask } from '../../../src/inference/build/retrieval-quality.ts';
import { MODEL_FOLDER } from '../../../workers/cli/models/glove-sif-100.ts';
import { qualityAt, servedTask } from '../../../workers/cli/models/measure.ts';
import type { Recipe } from '../../../workers/cli/models/build.ts';
import { verify } from '../../../workers/cli/models/verify.ts';
import { readStaticTable } from '../../../src/inference/static-model.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { carriedOut } from '../../support/deployment/carried-out.ts';
import { defaultModel, manifestOf, modelFile } from '../../support/fixtures/default-model.ts';

const recipe = JSON.parse(readFileSync(join(MODEL_FOLDER, 'recipe.json'), 'utf8')) as Recipe;

it('[M8] manifest, recipe, embedding contract and file reference each other', async () => {
  expect((await carriedOut(verify())).status).toBe(0);
  const table = readStaticTable(modelFile);
  if (!table.ok) throw new Error(table.error.reason);
  expect(recipe.contract).toMatchObject({
    vocabularySha256: await sha256Hex(table.value.vocabulary),
    vocabularySize: manifestOf('static').vocabularySize,
    dimensions: manifestOf('static').dimensions,
  });
  expect(manifestOf('onnx').contractHash).toBe(manifestOf('static').contractHash);
});

describe('[M17] finding the lemma of a definition', () => {
  let task: RetrievalTask;
  beforeAll(async () => {
    task = await servedTask(defaultModel);
  });

  // Slightly below what the committed model reaches, so that a loss of quality fails here.
  it.each([
    [100, 0.405, 0.21],
    [64, 0.36, 0.185],
    [32, 0.265, 0.13],
  ])('%i dimensions reach R@10 %f and MRR %f', (dimensions, recallMin, mrrMin) => {
    const quality = qualityAt(dimensions, task);
    expect(quality.recallAt10).toBeGreaterThan(recallMin);
    expect(quality.mrr).toBeGreaterThan(mrrMin);
    expect(recipe.metrics.glossToLemma).toContainEqual(quality);
  });

  it('int8 quantisation keeps the ten nearest', () => {
    expect(recipe.metrics.overlapAt10WithUnquantised).toBeGreaterThan(0.95);
  });

  it('the model card states the figures of the recipe', () => {
    const card = readFileSync(join(MODEL_FOLDER, 'CARD.md'), 'utf8');
    for (const { dimensions, recallAt10, mrr } of recipe.metrics.glossToLemma) {
      const figures = [recallAt10, mrr].map((figure) => figure.toFixed(4).slice(1)).join(' | ');
      expect(card).toContain(`| ${dimensions} | ${figures} |`);
    }
  });
});
