import { loadavg } from 'node:os';

import type { ChunkSettings } from '../../src/documents/chunks/chunk.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../src/documents/chunks/chunk.ts';
import type { SupportSettings } from '../../src/documents/passages/supported-chunks.ts';
import { DEFAULT_SUPPORT } from '../../src/documents/passages/supported-chunks.ts';
import type { StaticModel } from '../../src/inference/static/static-model.ts';
import { must } from '../../src/kernel/assert.ts';
import { comparePairs } from '../../src/text/judging/paired-comparison.ts';
import { table } from '../../workers/cli/command/command.ts';
import { readCommitted } from '../../workers/cli/models/committed-models.ts';
import type { CutChunk } from './chunking/cut-corpora.ts';
import { cutByProduct, cutRecursively } from './chunking/cut-corpora.ts';
import { foundChunks, readingOrder } from './chunking/found-chunks.ts';
import type { ChunkingData } from './chunking/questions.ts';
import { readChunkingData } from './chunking/questions.ts';
import { reportReadingTimes } from './chunking/reading-times.ts';
import type { TokenFigures } from './chunking/token-figures.ts';
import { tokenFigures } from './chunking/token-figures.ts';
import { TokenPlaces } from './chunking/token-places.ts';
import { COLLECTIONS } from './encoders/collections.ts';

const BUDGETS = [1_000, 2_000] as const;
const SIZES = [64, 96, 128, 160, 200, 256, 400];
const NO_SUPPORT: SupportSettings = { neighbours: 0, support: 0 };
const SUPPORTS: readonly SupportSettings[] = [
  NO_SUPPORT,
  { neighbours: 1, support: 0.5 },
  { neighbours: 2, support: 0.5 },
  DEFAULT_SUPPORT,
  { neighbours: 3, support: 0.7 },
];
const RECURSIVE = [
  { tokensMax: 200, overlapTokens: 0 },
  { tokensMax: 400, overlapTokens: 0 },
  { tokensMax: 400, overlapTokens: 200 },
];

/** A way to cut and to read, with the figures of every question at each budget. */
interface Variant {
  readonly name: string;
  readonly chunks: number;
  readonly figures: readonly (readonly TokenFigures[])[];
}

/**
 * How much of the excerpts that answer a question is among equally many retrieved tokens: recall, precision and intersection over union, in tokens of cl100k, of
 * all corpora searched as one. Settings are chosen on the questions of all corpora but the one that they are judged by.
 */
export async function chunkingBench({
  data = COLLECTIONS,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  const read = readChunkingData(data);
  if (read === undefined) return console.log('No chunking questions: give the folder of collections by --data DIR.');
  const { model } = must((await readCommitted()).at(-1), 'a default model');
  const bench = new ChunkingBench(read, model);
  const recursive = RECURSIVE.flatMap((settings) => {
    const name = `recursive ${settings.tokensMax}/${settings.overlapTokens}`;
    return bench.variants(name, cutRecursively(read.corpora, settings), quick ? [NO_SUPPORT] : [NO_SUPPORT, DEFAULT_SUPPORT]);
  });
  const own = (quick ? [DEFAULT_CHUNK_SETTINGS.chunkTokensMax] : SIZES).flatMap((chunkTokensMax) => {
    const settings: ChunkSettings = { ...DEFAULT_CHUNK_SETTINGS, chunkTokensMax };
    return bench.variants(`sluice ${chunkTokensMax}`, cutByProduct(read.corpora, settings), SUPPORTS);
  });
  const chosen = quick ? [] : [leftOut(read, own)];
  console.log(table(TITLES, [...recursive, ...own, ...chosen].map(rowOf)));
  const inUse = must(
    own.find(({ name }) => name === nameOf(`sluice ${DEFAULT_CHUNK_SETTINGS.chunkTokensMax}`, DEFAULT_SUPPORT)),
    'the settings in use',
  );
  console.log(`\n${table(['', 'beside', ...BUDGETS.map((budget) => `recall at ${budget}`)], comparisons([inUse, ...chosen], recursive))}`);
  reportReadingTimes(read.corpora, (text) => model.tokeniser.tokenise(text).words);
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
}

class ChunkingBench {
  readonly #data: ChunkingData;
  readonly #model: StaticModel;
  readonly #places: ReadonlyMap<string, TokenPlaces>;

  constructor(data: ChunkingData, model: StaticModel) {
    this.#data = data;
    this.#model = model;
    this.#places = new Map([...data.corpora].map(([name, text]) => [name, new TokenPlaces(text)]));
  }

  /** One chunking, read in several ways. */
  variants(name: string, chunks: readonly CutChunk[], supports: readonly SupportSettings[]): Variant[] {
    const { questions } = this.#data;
    const found = foundChunks(
      chunks,
      questions.map(({ text }) => text),
      this.#model,
    );
    return supports.map((support) => {
      const orders = found.map((one) => readingOrder(chunks, one, support));
      const figures = BUDGETS.map((budget) =>
        questions.map((question, at) => tokenFigures(question, must(orders[at], 'an order'), this.#places, budget)),
      );
      return { name: nameOf(name, support), chunks: chunks.length, figures };
    });
  }
}

const nameOf = (name: string, { neighbours, support }: SupportSettings): string =>
  neighbours === 0 ? name : `${name}, ${neighbours} neighbours at ${support}`;

/** For each corpus the figures of the variant that is best over the questions of the others: none is judged by what it was chosen with. */
function leftOut({ questions, corpora }: ChunkingData, variants: readonly Variant[]): Variant {
  const chosenFor = new Map(
    [...corpora.keys()].map((corpus) => {
      const worth = ({ figures }: Variant): number =>
        figures.flat().reduce((sum, { recall }, at) => sum + (questions[at % questions.length]?.corpus === corpus ? 0 : recall), 0);
      return [corpus, variants.reduce((best, one) => (worth(one) > worth(best) ? one : best))] as const;
    }),
  );
  for (const [corpus, { name }] of chosenFor) console.log(`chosen without ${corpus}: ${name}`);
  const figures = BUDGETS.map((_, budget) =>
    questions.map(({ corpus }, at) => must(chosenFor.get(corpus)?.figures[budget]?.[at], 'figures of a question')),
  );
  return { name: 'sluice, chosen without the corpus', chunks: 0, figures };
}

const TITLES = ['', 'chunks', ...BUDGETS.flatMap((budget) => ['recall', 'precision', 'IoU'].map((title) => `${title} at ${budget}`))];

const rowOf = ({ name, chunks, figures }: Variant): string[] => [
  name,
  String(chunks),
  ...figures.flatMap((each) =>
    (['recall', 'precision', 'iou'] as const).map((figure) => (each.reduce((sum, one) => sum + one[figure], 0) / each.length).toFixed(4)),
  ),
];

function comparisons(own: readonly Variant[], others: readonly Variant[]): string[][] {
  return own.flatMap((one) =>
    others.map((other) => [
      one.name,
      other.name,
      ...BUDGETS.map((_, budget) => {
        const recalls = ({ figures }: Variant): Float64Array => Float64Array.from(figures[budget] ?? [], ({ recall }) => recall);
        const { difference, pValue } = comparePairs(recalls(other), recalls(one), 1);
        return `${difference.value.toFixed(4)} (${difference.low.toFixed(4)} to ${difference.high.toFixed(4)}), p ${pValue.toFixed(3)}`;
      }),
    ]),
  );
}
