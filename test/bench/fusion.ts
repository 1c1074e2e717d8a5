import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';

import { must } from '../../src/kernel/assert.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { chooseFusion, EXPECTED_QUALITY } from '../../src/text/fusion/default-rule.ts';
import type { Fusion } from '../../src/text/fusion/fuse.ts';
import { fuse, RRF_K } from '../../src/text/fusion/fuse.ts';
import { MaxSim } from '../../src/text/fusion/max-sim.ts';
import { measured } from '../../src/text/judging/measures.ts';
import { table } from '../../workers/cli/command/command.ts';
import { readCommitted } from '../../workers/cli/models/committed-models.ts';
import { embedTexts } from '../../workers/cli/models/measured-quality.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Collection } from './encoders/collections.ts';
import { COLLECTIONS, cranfield, scifact, xquad } from './encoders/collections.ts';
import { codeSearch } from './fusion/code-search.ts';
import type { FoundLeg } from './fusion/exact-legs.ts';
import { vectorLegs, wordLegs } from './fusion/exact-legs.ts';
import type { Encoded } from './models/real/variant-figures.ts';
import { VariantFigures } from './models/real/variant-figures.ts';

const ENCODERS = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');
const ENGLISH = ['all-minilm-l6-v2-q', 'bge-small-en-v1.5-q', 'e5-small-v2-q'];
const MULTILINGUAL = 'multilingual-e5-small-q';

/** Which encoders know the languages of a collection. */
const ENCODERS_OF: Readonly<Record<string, readonly string[]>> = {
  'XQuAD de': [MULTILINGUAL],
  'XQuAD zh': ['bge-small-zh-v1.5-q', MULTILINGUAL],
  'XQuAD de in en': [MULTILINGUAL],
  'XQuAD en': [...ENGLISH, MULTILINGUAL],
};

const HALVES: readonly (readonly [name: string, Fusion])[] = [
  ['RRF', { kind: 'rrf', k: RRF_K }],
  ['sum', { kind: 'sum', normaliser: 'min_max' }],
  ['DBSF', { kind: 'dbsf' }],
];

/** nDCG@10 of exact legs of words and of vectors, of their fusions in equal parts, and of the default rule, beside the better leg. */
export async function fusionBench({
  data = COLLECTIONS,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  const collections = [
    scifact(data),
    cranfield(data),
    xquad('en', data),
    xquad('de', data),
    xquad('zh', data),
    xquad('de', data, 'en'),
    await codeSearch(),
  ].filter((collection) => collection !== undefined);
  const figures = new VariantFigures();
  const rows: string[][] = [];
  try {
    for (const collection of collections) {
      const words = wordLegs(collection);
      for (const [model, encoded, expected] of await encodings(figures, collection, quick)) {
        rows.push([collection.name, model, ...cellFigures(collection, words, vectorLegs(encoded), expected)]);
        console.log(must(rows.at(-1), 'just added').join('  '));
      }
    }
  } finally {
    await figures.close();
  }
  const titles = [
    'collection',
    'vectors',
    'words',
    'vectors alone',
    ...HALVES.map(([name]) => name),
    'default',
    'beside the better',
    'judged',
    'beside the better',
  ];
  console.log(`\nload ${loadavg()[0]?.toFixed(1)}\n\n${table(titles, rows)}`);
  maxSimTimes();
}

/** The committed models, and the encoders that are there and know the language. */
async function encodings(figures: VariantFigures, collection: Collection, quick: boolean): Promise<(readonly [string, Encoded, number])[]> {
  const made: (readonly [string, Encoded, number])[] = [];
  for (const { name, model } of (await readCommitted()).filter((committed) => committed.name.startsWith('bge-static'))) {
    const { dimensions } = model.encoder.manifest;
    const encoded = { dimensions, queries: embedTexts(model, collection.queries), documents: embedTexts(model, collection.documents) };
    made.push([name, encoded, must(model.encoder.manifest.retrievalQuality, 'a measured model')]);
  }
  for (const name of quick ? [] : (ENCODERS_OF[collection.name] ?? ENGLISH)) {
    const folder = join(ENCODERS, name);
    if (!existsSync(join(folder, 'model.onnx'))) continue;
    const encoded = await figures.encode({ name, folder, form: 'served', base: undefined }, collection);
    made.push([name, encoded, EXPECTED_QUALITY.encoder]);
  }
  return made;
}

/** Judged weights of one half of the queries come of the other half alone. */
function cellFigures({ relevance }: Collection, words: readonly FoundLeg[], vectors: readonly FoundLeg[], expected: number): string[] {
  const ndcgOf = (ids: readonly string[], query: number): number => {
    const gains = new Map([...must(relevance[query], 'a query')].map(([position, gain]) => [String(position), gain]));
    return measured(ids, gains, { kind: 'ndcg', k: 10 });
  };
  const pairs = words.map((leg, query) => [leg, must(vectors[query], 'a leg of each query')] as const);
  const alone = [0, 1].map((leg) => pairs.map((pair, query) => ndcgOf(must(pair[leg], 'two legs').ids, query)));
  const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const judgedBy = (leg: number, half: number): number => meanOf(must(alone[leg], 'two legs').filter((_, query) => query % 2 !== half));
  const byRule = (query: number, isJudged: boolean): number => {
    const known = must(pairs[query], 'a query').map((leg, at) => ({
      ...leg,
      judged: isJudged ? judgedBy(at, query % 2) : null,
      expected: at === 0 ? EXPECTED_QUALITY.words : expected,
    }));
    const { fusion, weights } = chooseFusion(known);
    return ndcgOf(
      fuse(
        known.map((leg, at) => ({ ...leg, weight: must(weights[at], 'a weight') })),
        fusion,
      ).ids,
      query,
    );
  };
  const means = alone.map(meanOf);
  const halves = HALVES.map(([, fusion]) =>
    meanOf(
      pairs.map((pair, query) =>
        ndcgOf(
          fuse(
            pair.map((leg) => ({ ...leg, weight: 0.5 })),
            fusion,
          ).ids,
          query,
        ),
      ),
    ),
  );
  const rules = [false, true].map((isJudged) => meanOf(pairs.map((_, query) => byRule(query, isJudged))));
  const beside = (value: number): string[] => [value.toFixed(3), (value - Math.max(...means)).toFixed(3)];
  return [...means, ...halves].map((value) => value.toFixed(3)).concat(rules.flatMap(beside));
}

/** Time of MaxSim over a hundred documents of 32 x 96, of a query of 32. */
function maxSimTimes(): void {
  const rng = new Seeded(7);
  const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.next() - 0.5);
  const documents = Array.from({ length: 100 }, () => ({
    codes: Int8Array.from(numbers(32 * 96), (x) => Math.round(x * 254)),
    scales: numbers(32).map(Math.abs),
  }));
  const query = numbers(32 * 96);
  const rounds = Array.from({ length: 200 }, () => {
    const startedMs = performance.now();
    const similarity = new MaxSim(query, 96);
    for (const document of documents) similarity.score(document);
    return performance.now() - startedMs;
  }).toSorted((a, b) => a - b);
  console.log(`\nMaxSim over 100 documents of 32 x 96, ms: ${rounds[0]?.toFixed(2)} at best, ${rounds[100]?.toFixed(2)} at the median`);
}
