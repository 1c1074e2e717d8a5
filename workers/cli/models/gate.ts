import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { GatedPairs, GateVerdict } from '../../../src/inference/build/gate/model-gate.ts';
import { GATE_BOUNDS, judge } from '../../../src/inference/build/gate/model-gate.ts';
import type { GatedTask } from '../../../src/inference/build/gate/retrieval-figures.ts';
import { command, positive, table, UsageError } from '../command.ts';
import type { GateTexts, PairTexts } from './gate-texts.ts';
import { readGateTexts, readPairs, wordnetTexts } from './gate-texts.ts';
import type { ModelFolder } from './model-folder.ts';
import { readModelFolder } from './model-folder.ts';
import { textEmbedder } from './text-embedder.ts';

interface GateOptions {
  readonly against: string;
  readonly documents?: string;
  readonly queries?: string;
  readonly pairs?: string;
  readonly overlapMin: number;
  readonly ndcgMin: number;
  readonly similarityDropMax: number;
}

/** `sluice models gate CANDIDATE --against BASE`: status 1 when the candidate is refused. */
export const gate = () =>
  command('gate', 'Judges a model by the one it was made from: rankings first, similarity beside them.')
    .argument('<candidate>', 'a model folder; gate.json is written there')
    .requiredOption('--against <base>', 'the model folder or file it was made from')
    .option('--documents <file>', 'JSON lines {"id", "text"} (default: WordNet lemmas)')
    .option('--queries <file>', 'JSON lines {"text", "relevant": {ID: GRADE}} (default: WordNet definitions)')
    .option('--pairs <file>', 'JSON lines {"left", "right", "score"}: similarity as people see it')
    .option('--overlap-min <share>', 'of the ten nearest that must stay', positive(1), GATE_BOUNDS.overlapMin)
    .option('--ndcg-min <share>', "of the base's nDCG@10, lower end of the 95 % interval", positive(), GATE_BOUNDS.ndcgRatioMin)
    .option('--similarity-drop-max <drop>', "of Spearman's correlation", positive(1), GATE_BOUNDS.similarityDropMax)
    .action(async (path: string, options: GateOptions) => {
      const texts = await textsOf(options);
      const pairs = options.pairs === undefined ? undefined : await readPairs(options.pairs);
      const [candidate, base] = [await readModelFolder(path), await readModelFolder(options.against)];
      const verdict = await gateModels({ base, candidate, texts, pairs, options });
      await writeFile(join(candidate.root, 'gate.json'), `${JSON.stringify(verdict, null, 2)}\n`);
      console.log(table(['check', 'value', 'bound', 'holds'], verdict.checks.map(rowOf)));
      console.log(verdict.passes ? '\npasses' : '\nrefused');
      if (!verdict.passes) process.exitCode = 1;
    });

async function textsOf({ documents, queries }: GateOptions): Promise<GateTexts> {
  if (documents !== undefined && queries !== undefined) return readGateTexts(documents, queries);
  if (documents !== undefined || queries !== undefined) throw new UsageError('--documents and --queries go together.');
  return wordnetTexts();
}

interface Models {
  readonly base: ModelFolder;
  readonly candidate: ModelFolder;
  readonly texts: GateTexts;
  readonly pairs: PairTexts | undefined;
  readonly options: Pick<GateOptions, 'overlapMin' | 'ndcgMin' | 'similarityDropMax'>;
}

async function gateModels({ base, candidate, texts, pairs, options }: Models): Promise<GateVerdict> {
  const [of, than] = [await embedAll(candidate, texts, pairs), await embedAll(base, texts, pairs)];
  const both =
    pairs === undefined || of.pairs === undefined || than.pairs === undefined
      ? {}
      : { pairs: { base: than.pairs, candidate: of.pairs, scores: pairs.scores } };
  const bounds = { overlapMin: options.overlapMin, ndcgRatioMin: options.ndcgMin, similarityDropMax: options.similarityDropMax };
  return judge({ base: than.task, candidate: of.task, relevance: texts.relevance, ...both }, bounds);
}

async function embedAll(
  folder: ModelFolder,
  texts: GateTexts,
  pairs: PairTexts | undefined,
): Promise<{ task: GatedTask; pairs: GatedPairs | undefined }> {
  const embedder = await textEmbedder(folder);
  const { dimensions, vectors: queries } = await embedder.embed(texts.queries);
  const { vectors: documents } = await embedder.embed(texts.documents);
  const sides = pairs && {
    dimensions,
    left: (await embedder.embed(pairs.left)).vectors,
    right: (await embedder.embed(pairs.right)).vectors,
  };
  await embedder.close();
  return { task: { dimensions, queries, documents }, pairs: sides };
}

const rowOf = ({ name, value, bound, atMost, holds }: GateVerdict['checks'][0]) => [
  name,
  value.toFixed(4),
  `${atMost ? 'at most' : 'at least'} ${bound}`,
  holds ? 'yes' : 'NO',
];
