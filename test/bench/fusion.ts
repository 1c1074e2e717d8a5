import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';

import { analysisSettings } from '../../src/contract/indexes/analysis.ts';
import { must } from '../../src/kernel/assert.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { analyserOf } from '../../src/text/analysis/analyser.ts';
import type { DefaultRule } from '../../src/text/fusion/default-rule.ts';
import { EXPECTED_QUALITY } from '../../src/text/fusion/default-rule.ts';
import type { Fusion } from '../../src/text/fusion/fuse.ts';
import { RRF_K } from '../../src/text/fusion/fuse.ts';
import { MaxSim } from '../../src/text/fusion/max-sim.ts';
import { table } from '../../workers/cli/command/command.ts';
import { readCommitted } from '../../workers/cli/models/committed-models.ts';
import { embedTexts } from '../../workers/cli/models/measured-quality.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Collection } from './encoders/collections.ts';
import { COLLECTIONS, cranfield, scifact, xquad } from './encoders/collections.ts';
import { codeSearch } from './fusion/code-search.ts';
import { vectorLegs, wordLegs } from './fusion/exact-legs.ts';
import { FusionCell } from './fusion/fusion-cell.ts';
import { heldOutRules } from './fusion/held-out-rule.ts';
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

/** With words, the legs of a plan of three. */
const THIRD = ['bge-small-en-v1.5-q', 'e5-small-v2-q'];

const TITLES = [
  'collection',
  'vectors',
  'words',
  'vectors alone',
  ...HALVES.map(([name]) => name),
  'default',
  'beside the better',
  'held out',
  'beside the better',
  'judged',
  'beside the better',
];

/**
 * nDCG@10 of exact legs of words and of vectors, of their fusions in equal parts, and of the default rule, beside the better leg. Held out: the same
 * rule by constants that the other collections choose.
 */
export async function fusionBench({
  data = COLLECTIONS,
  only,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly only?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  const collections = await collectionsIn(data);
  const figures = new VariantFigures();
  const threes: FusionCell[] = [];
  const cells: { readonly model: string; readonly cell: FusionCell }[] = [];
  try {
    for (const { collection, analysis } of collections) {
      if (only !== undefined && !only.split(',').includes(collection.name)) continue;
      const words = { found: wordLegs(collection, analyserOf(analysisSettings.parse(analysis))), expected: EXPECTED_QUALITY.words };
      const vectors = (await encodings(figures, collection, quick)).map(
        ([model, encoded, expected]) => [model, { found: vectorLegs(encoded), expected }] as const,
      );
      for (const [model, leg] of vectors) cells.push({ model, cell: new FusionCell(collection, [words, leg]) });
      const thirds = vectors.filter(([model]) => THIRD.includes(model)).map(([, leg]) => leg);
      if (thirds.length === THIRD.length) threes.push(new FusionCell(collection, [words, ...thirds]));
      console.log(collection.name);
    }
  } finally {
    await figures.close();
  }
  const rules = heldOutRules(cells.map(({ cell }) => cell));
  const rows = cells.map(({ model, cell }) => [cell.collection, model, ...figuresOf(cell, rules.get(cell.collection))]);
  console.log(`\nload ${loadavg()[0]?.toFixed(1)}\n\n${table(TITLES, rows)}`);
  for (const [name, { qualityPower, levelWeight }] of rules) console.log(`${name}: held out, power ${qualityPower}, level ${levelWeight}`);
  for (const cell of threes) {
    const [sum, byDefault] = [cell.fused({ kind: 'sum', normaliser: 'min_max' }), cell.byDefault({ isJudged: false })];
    console.log(`${cell.collection}: words with ${THIRD.join(' and ')}, sum ${sum.toFixed(3)}, default ${byDefault.toFixed(3)}`);
  }
  maxSimTimes();
}

/** With how their texts are analysed. */
async function collectionsIn(data: string): Promise<{ readonly collection: Collection; readonly analysis: object }[]> {
  const found = [
    { collection: scifact(data), analysis: { language: 'english' } },
    { collection: cranfield(data), analysis: { language: 'english' } },
    { collection: xquad('en', data), analysis: { language: 'english' } },
    { collection: xquad('de', data), analysis: { language: 'german' } },
    { collection: xquad('zh', data), analysis: { language: 'chinese' } },
    { collection: xquad('de', data, 'en'), analysis: { language: 'english' } },
    { collection: await codeSearch(), analysis: { language: 'english', code: true } },
  ];
  return found.flatMap(({ collection, analysis }) => (collection === undefined ? [] : [{ collection, analysis }]));
}

function figuresOf(cell: FusionCell, heldOut: DefaultRule | undefined): string[] {
  const { alone } = cell;
  const halves = HALVES.map(([, fusion]) => cell.fused(fusion));
  const rules = [
    cell.byDefault({ isJudged: false }),
    cell.byDefault({ isJudged: false, rule: heldOut }),
    cell.byDefault({ isJudged: true }),
  ];
  const beside = (value: number): string[] => [value.toFixed(3), (value - Math.max(...alone)).toFixed(3)];
  return [...alone, ...halves].map((value) => value.toFixed(3)).concat(rules.flatMap(beside));
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
