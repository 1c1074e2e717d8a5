import { loadavg } from 'node:os';

import { minilmPairs } from '../support/fixtures/minilm-pairs.ts';
import type { CorrectedMean } from './cascade/corrected-interval.ts';
import { correctedMean } from './cascade/corrected-interval.ts';
import type { Measure } from './cascade/split-outcome.ts';
import { calibrationError, fitSplit, runCascade } from './cascade/split-outcome.ts';

const SHARES = [0.1, 0.25, 0.5, 0.75];
const MEASURES: readonly (readonly [Measure, string])[] = [
  ['topOne', 'nearest text is the teacher’s'],
  ['recall', 'recall@10'],
];

/** The cascade of the gateway against escalating as many at random, on recorded vectors of MiniLM and a student of theirs. */
export function cascadeBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const { pairs, prior } = minilmPairs();
  const count = quick ? 4 : 20;
  const splits = Array.from({ length: count }, (_, seed) => fitSplit(pairs, prior, seed + 1));
  const testShare = splits[0]!.testShare;
  console.log(`${pairs.texts.length} texts, ${count} splits, ${splits[0]!.test.length} queries each (load ${loadavg()[0]?.toFixed(1)})\n`);
  console.log('| measure | escalated at most | escalated | student alone | cascade | random | gain, 95 % interval |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [measure, name] of MEASURES)
    for (const shareMax of SHARES) {
      const outcomes = splits.map((split) => runCascade(split, measure, shareMax));
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const gain = correctedMean(
        outcomes.map(({ cascade, random }) => cascade - random),
        testShare,
      );
      const student = mean(splits.map(({ test }) => mean(test.map((query) => query[measure]))));
      const cells = [
        mean(outcomes.map(({ share }) => share)),
        student,
        mean(outcomes.map(({ cascade }) => cascade)),
        mean(outcomes.map(({ random }) => random)),
      ];
      console.log(`| ${name} | ${shareMax} | ${cells.map((cell) => cell.toFixed(3)).join(' | ')} | ${intervalText(gain)} |`);
    }
  for (const [measure, name] of MEASURES)
    console.log(
      `\ncalibrated minus observed, ${name}: ${intervalText(
        correctedMean(
          splits.map((split) => calibrationError(split, measure)),
          testShare,
        ),
      )}`,
    );
  return Promise.resolve();
}

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(3)}`;

const intervalText = ({ mean, low, high }: CorrectedMean): string => `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
