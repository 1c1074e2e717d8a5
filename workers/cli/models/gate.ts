import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Command } from 'commander';

import type { GateVerdict } from '../../../src/inference/build/gate/model-gate.ts';
import { GATE_BOUNDS } from '../../../src/inference/build/gate/model-gate.ts';
import { gateModels } from '../../builds/gate-models.ts';
import type { GateTexts, PairTexts } from '../../builds/gate-texts.ts';
import { readGateTexts, readPairs, readRetrieval, wordnetTexts } from '../../builds/gate-texts.ts';
import { readModelFolder } from '../../builds/model-folder.ts';
import { baseEmbedder, textEmbedder } from '../../builds/text-embedder.ts';
import { command, positive, table, UsageError } from '../command/command.ts';

/** What `gate` and `add` take of the texts of the user. */
export interface GateFiles {
  readonly retrieval?: string;
  readonly sts?: string;
}

interface GateOptions extends GateFiles {
  readonly against: string;
  readonly documents?: string;
  readonly queries?: string;
  readonly pairs?: string;
  readonly overlapMin: number;
  readonly ndcgMin: number;
  readonly similarityDropMax: number;
}

export const withGateFiles = (of: Command): Command =>
  of
    .option('--retrieval <file>', 'JSON lines: documents {"id", "text"}, and queries {"query", "relevant": [ID] or {ID: GRADE}}')
    .option('--sts <file>', 'JSON lines {"left", "right", "score"}: similarity as people see it');

/** `sluice models gate CANDIDATE --against BASE`: status 1 when the candidate is refused. */
export const gate = () =>
  withGateFiles(command('gate', 'Judges a model by the one it was made from: rankings first, similarity beside them.'))
    .argument('<candidate>', 'a model folder; gate.json is written there')
    .requiredOption('--against <base>', 'the model folder or file it was made from')
    .option('--documents <file>', 'JSON lines {"id", "text"} (default: WordNet lemmas)')
    .option('--queries <file>', 'JSON lines {"text", "relevant": {ID: GRADE}} (default: WordNet definitions)')
    .option('--pairs <file>', 'as --sts')
    .option('--overlap-min <share>', 'of the ten nearest that must stay', positive(1), GATE_BOUNDS.overlapMin)
    .option('--ndcg-min <share>', "of the base's nDCG@10, lower end of the 95 % interval", positive(), GATE_BOUNDS.ndcgRatioMin)
    .option('--similarity-drop-max <drop>', "of Spearman's correlation", positive(1), GATE_BOUNDS.similarityDropMax)
    .action(async (path: string, options: GateOptions) => {
      const [texts, pairs] = [await textsOf(options), await pairsOf(options)];
      const [candidate, base] = [await readModelFolder(path), await readModelFolder(options.against)];
      const verdict = await gateModels({
        base: await baseEmbedder(base),
        candidate: await textEmbedder(candidate),
        texts,
        pairs,
        bounds: { overlapMin: options.overlapMin, ndcgRatioMin: options.ndcgMin, similarityDropMax: options.similarityDropMax },
      });
      await writeFile(join(candidate.root, 'gate.json'), `${JSON.stringify(verdict, null, 2)}\n`);
      console.log(verdictText(verdict));
      if (!verdict.passes) process.exitCode = 1;
    });

async function textsOf({ documents, queries, retrieval }: GateOptions): Promise<GateTexts> {
  if (retrieval !== undefined) {
    if (documents !== undefined || queries !== undefined) throw new UsageError('--retrieval has both --documents and --queries.');
    return readRetrieval(retrieval);
  }
  if (documents !== undefined && queries !== undefined) return readGateTexts(documents, queries);
  if (documents !== undefined || queries !== undefined) throw new UsageError('--documents and --queries go together.');
  return wordnetTexts();
}

async function pairsOf({ pairs, sts = pairs }: GateOptions): Promise<PairTexts | undefined> {
  if (pairs !== undefined && sts !== pairs) throw new UsageError('--pairs and --sts are the same: give one.');
  return sts === undefined ? undefined : readPairs(sts);
}

export const verdictText = ({ checks, passes }: GateVerdict): string =>
  `${table(['check', 'value', 'bound', 'holds'], checks.map(rowOf))}\n\n${passes ? 'passes' : 'refused'}`;

const rowOf = ({ name, value, bound, atMost, holds }: GateVerdict['checks'][0]) => [
  name,
  value.toFixed(4),
  `${atMost ? 'at most' : 'at least'} ${bound}`,
  holds ? 'yes' : 'NO',
];
