import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RetrievalTask } from '../../../src/inference/build/retrieval-quality.ts';
import { recallOf } from '../../../src/inference/build/retrieval-quality.ts';
import { MODEL_FOLDER } from '../../../workers/cli/models/glove-sif-100.ts';
import { IDENTIFIERS } from '../../../workers/cli/models/identifiers.ts';
import { identifierRecall } from '../../../workers/cli/models/measure.ts';
import { embedTexts, glossTask, misspeltQuality, qualityAt, readProbes } from '../../../workers/cli/models/measured-quality.ts';
import type { Recipe } from '../../../workers/cli/models/build.ts';
import { verify } from '../../../workers/cli/models/verify.ts';
import { readStaticTable } from '../../../src/inference/static/static-model.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { carriedOut } from '../../support/deployment/carried-out.ts';
import { defaultModel, firstModel, manifestOf, modelFile, vocabularyWords } from '../../support/fixtures/default-model.ts';

const recipeOf = (folder: string) => JSON.parse(readFileSync(join(MODEL_FOLDER, folder, 'recipe.json'), 'utf8')) as Recipe;
const recipe = recipeOf('2');
const card = readFileSync(join(MODEL_FOLDER, 'CARD.md'), 'utf8');

it('[M8] manifests, recipes, embedding contracts and files reference each other', async () => {
  expect((await carriedOut(verify())).status).toBe(0);
  const table = readStaticTable(modelFile);
  if (!table.ok) throw new Error(table.error.reason);
  expect(recipe.contract).toMatchObject({
    tokeniserVersion: table.value.tokeniser,
    vocabularySha256: await sha256Hex(table.value.vocabulary),
    vocabularySize: manifestOf('static').vocabularySize,
    dimensions: manifestOf('static').dimensions,
  });
  expect(manifestOf('onnx').contractHash).toBe(manifestOf('static').contractHash);
});

it('[M65] the first version is the one that stored indexes are pinned to', () => {
  // A literal: indexes made before the second version have stored it.
  const contractHash = '57d743390574b7d04ccd1dc3f4ce5a045a6883b6c085c41edf95d09e8b735766';
  for (const runner of ['static', 'onnx'] as const) expect(manifestOf(runner, '1').contractHash).toBe(contractHash);
  expect(manifestOf('static').contractHash).not.toBe(contractHash);
  expect(manifestOf('static').file.bytes).toBeLessThan(25 * 2 ** 20);
});

describe('[M17] finding the lemma of a definition', () => {
  let tasks: Record<'1' | '2', RetrievalTask>;
  beforeAll(async () => {
    const probes = await readProbes(vocabularyWords);
    tasks = { '1': glossTask(firstModel, probes), '2': glossTask(defaultModel, probes) };
  });

  // Slightly below what the committed models reach, so that a loss of quality fails here.
  it.each([
    ['1', 100, 0.405, 0.21],
    ['1', 64, 0.36, 0.185],
    ['1', 32, 0.265, 0.13],
    ['2', 100, 0.405, 0.215],
    ['2', 64, 0.355, 0.185],
    ['2', 32, 0.265, 0.13],
  ] as const)('version %s, %i dimensions, reaches R@10 %f and MRR %f', (version, dimensions, recallMin, mrrMin) => {
    const quality = qualityAt(dimensions, tasks[version]);
    expect(quality.recallAt10).toBeGreaterThan(recallMin);
    expect(quality.mrr).toBeGreaterThan(mrrMin);
    expect(recipeOf(version === '1' ? '' : version).metrics.glossToLemma).toContainEqual(quality);
  });

  it('int8 quantisation keeps the ten nearest', () => {
    expect(recipe.metrics.overlapAt10WithUnquantised).toBeGreaterThan(0.95);
  });

  it('the model card states the figures of the recipe', () => {
    for (const { dimensions, recallAt10, mrr } of recipe.metrics.glossToLemma) {
      const figures = [recallAt10, mrr].map((figure) => figure.toFixed(4).slice(1)).join(' | ');
      expect(card).toContain(`| ${dimensions} | ${figures} |`);
    }
    const { recallAt10, recallAt1 } = recipe.metrics.misspeltToLemma;
    expect(card).toContain(`| ${[recallAt10, recallAt1].map((figure) => figure.toFixed(3).slice(1)).join(' | ')} |`);
  });
});

it('[M62] a misspelt word finds the right one, where the first version finds none', async () => {
  // Every eighth lemma, so that the search is short.
  const sample = { count: 300, seed: 5, lemmasEvery: 8 };
  expect((await misspeltQuality(defaultModel, sample)).recallAt10).toBeGreaterThan(0.85);
  expect((await misspeltQuality(firstModel, sample)).recallAt10).toBeLessThan(0.2);
});

it('[M63] a name finds itself first, and in another spelling', () => {
  const { dimensions } = manifestOf('static');
  const vectors = embedTexts(defaultModel, IDENTIFIERS);
  const recall = recallOf(
    { dimensions, queries: vectors, documents: vectors },
    IDENTIFIERS.map((_, at) => at),
  );
  expect(recall(1)).toBe(1);
  expect(identifierRecall(defaultModel)(1)).toBeGreaterThan(0.95);
});
