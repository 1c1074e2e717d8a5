import { ndcgs, nearestOfQueries, spearman } from '../../../src/inference/build/gate/retrieval-figures.ts';
import { pairScores, recallOf } from '../../../src/inference/build/retrieval-quality.ts';
import type { StaticModel } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { must } from '../../../src/kernel/assert.ts';
import { command } from '../command/command.ts';
import { readCommitted } from './committed-models.ts';
import { readCranfield, readScifact, readSentencePairs, readXquad } from './evaluation-data.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';
import { IDENTIFIERS, otherSpelling } from './identifiers.ts';
import { embedTexts, glossTask, misspeltQuality, qualityAt, readProbes } from './measured-quality.ts';
import { readSynsets } from '../../builds/wordnet-files.ts';

/** `sluice models measure [--data DIR]`. */
export const measure = () =>
  command('measure', 'Measures the models of the deployment: what they find, and what a text costs.')
    .option('--data <dir>', 'also on the test collections there: scifact/, cranfield/, xquad/ and stsb/')
    .action(async ({ data }: { readonly data?: string }) => {
      const models = await readCommitted();
      const [first] = models;
      const probes = await readProbes(must(first, 'a committed model').words);
      for (const { name, model } of models) {
        const gloss = qualityAt(model.encoder.manifest.dimensions, glossTask(model, probes));
        print(name, 'definition to lemma, 2,000 nouns', `R@10 ${figure(gloss.recallAt10)}, MRR ${figure(gloss.mrr)}`);
        const misspelt = await misspeltQuality(model, GLOVE_SIF_100.probes.misspellings);
        const found = `R@10 ${figure(misspelt.recallAt10)}, R@1 ${figure(misspelt.recallAt1)}`;
        print(name, `${misspelt.count} misspelt among ${misspelt.lemmas} lemmas`, found);
        print(name, `${IDENTIFIERS.length} identifiers in another spelling`, `R@1 ${figure(identifierRecall(model)(1))}`);
        if (data !== undefined) await measureOn(data, name, model);
      }
      await measureCost(models);
    });

const figure = (value: number): string => value.toFixed(4);
const print = (model: string, what: string, figures: string): void => console.log(`${model}  ${what}: ${figures}`);

/** How often the other spelling of a name finds it among all names. */
export function identifierRecall(model: StaticModel): (k: number) => number {
  const dimensions = model.encoder.manifest.dimensions;
  const queries = embedTexts(model, IDENTIFIERS.map(otherSpelling));
  return recallOf(
    { dimensions, queries, documents: embedTexts(model, IDENTIFIERS) },
    IDENTIFIERS.map((_, at) => at),
  );
}

async function measureOn(data: string, name: string, model: StaticModel): Promise<void> {
  const { dimensions } = model.encoder.manifest;
  const pairs = await readSentencePairs(data);
  const alike = pairScores({ dimensions, queries: embedTexts(model, pairs.left), documents: embedTexts(model, pairs.right) });
  print(name, `STS-B dev, ${alike.length} pairs`, `Spearman ${figure(spearman(alike, pairs.scores))}`);
  for (const [what, read] of COLLECTIONS) {
    const { queries, documents, relevant } = await read(data);
    const task = { dimensions, queries: embedTexts(model, queries), documents: embedTexts(model, documents) };
    const gains = ndcgs(nearestOfQueries(task), relevant);
    print(name, `${what}, ${gains.length} queries`, `nDCG@10 ${figure(gains.reduce((sum, gain) => sum + gain, 0) / gains.length)}`);
  }
}

const COLLECTIONS = [
  ['SciFact', readScifact],
  ['Cranfield', readCranfield],
  ['XQuAD en', (folder: string) => readXquad(folder, 'en')],
  ['XQuAD en, the first 400 questions', (folder: string) => readXquad(folder, 'en', 400)],
  ['XQuAD de', (folder: string) => readXquad(folder, 'de')],
  ['XQuAD zh', (folder: string) => readXquad(folder, 'zh')],
] as const;

const ROUNDS = 9;

/** CPU of this thread for one text, tokenised and embedded; the models take turns, and the median of the rounds counts. */
async function measureCost(models: Awaited<ReturnType<typeof readCommitted>>): Promise<void> {
  const texts = (await readSynsets('data.noun')).slice(0, 5_000).map(({ gloss }) => gloss);
  const rounds = models.map(({ name, model }) => ({ name, model, costs: [] as number[] }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { model, costs } of rounds) {
      const before = process.threadCpuUsage();
      for (const text of texts) model.encoder.embed(tokenBatch([model.tokeniser.tokenise(text).ids]));
      const { user, system } = process.threadCpuUsage(before);
      // The first round warms up.
      if (round > 0) costs.push((user + system) / texts.length);
    }
  }
  for (const { name, costs } of rounds) {
    const median = must(costs.toSorted((a, b) => a - b)[ROUNDS >> 1], 'rounds');
    print(name, `CPU a text, ${texts.length} definitions, median of ${ROUNDS} rounds`, `${median.toFixed(1)} us`);
  }
}
