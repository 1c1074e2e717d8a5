import { loadavg } from 'node:os';

import { must } from '../../src/kernel/assert.ts';
import { wilsonUpper } from '../../src/kernel/wilson.ts';
import { mayAskTheSame } from '../../src/upstreams/reuse/question-difference.ts';
import { readCommitted } from '../../workers/cli/models/committed-models.ts';
import { readSentencePairs } from '../../workers/cli/models/evaluation-data.ts';

/** A pair that people rate so, of 5, means the same: below, an answer that is reused counts as false. */
const SAME_MIN = 3.5;
/** And so much that a reuse is wanted. */
const PARAPHRASE_MIN = 4.5;
const SIMILARITIES = [0.8, 0.85, 0.9, 0.95, 0.99] as const;
/** Of the answer that it may spare: a verifier at a tenth of the model's price, which reads more than the model and writes one word. */
const VERDICT_COST = 0.1;
/** How often a verifier is wrong: as good graders are, and as poor ones. */
const VERDICT_ERRORS = [0.05, 0.2] as const;

interface RatedPair {
  readonly score: number;
  readonly similarity: number;
  /** The guard lets it pass. */
  readonly isAlike: boolean;
}

/**
 * `npm run bench -- reuse --data DIR`: pairs of sentences that people have rated, as questions of which the first was answered, with the default
 * model. By similarity alone and with the guard, as counted; with a verifier, as expected where it is wrong for a share of the pairs.
 */
export async function reuseBench({ data }: { readonly data?: string | undefined }): Promise<void> {
  const beganAt = performance.now();
  const pairs = await ratedPairs(must(data, '--data names the folder with stsb/'));
  const perPairUs = ((performance.now() - beganAt) / pairs.length) * 1_000;
  const wanted = pairs.filter(({ score }) => score >= PARAPHRASE_MIN).length;
  console.log('| similarity from | answered by | hits | false hits | at most (95 %) | paraphrases found | saved |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const least of SIMILARITIES) {
    const near = pairs.filter(({ similarity }) => similarity >= least);
    const alike = near.filter(({ isAlike }) => isAlike);
    for (const [name, hits] of [['similarity alone', near] as const, ['and the guard', alike] as const]) {
      const wrong = hits.filter(({ score }) => score < SAME_MIN).length;
      const found = hits.filter(({ score }) => score >= PARAPHRASE_MIN).length;
      const shares = [
        hits.length / pairs.length,
        wrong / hits.length,
        wilsonUpper(wrong, hits.length),
        found / wanted,
        hits.length / pairs.length,
      ];
      console.log(`| ${[least, name, ...shares.map(percent)].join(' | ')} |`);
    }
    for (const error of VERDICT_ERRORS) {
      const wrong = alike.filter(({ score }) => score < SAME_MIN).length * error;
      const accepted = wrong + alike.filter(({ score }) => score >= SAME_MIN).length * (1 - error);
      const found = alike.filter(({ score }) => score >= PARAPHRASE_MIN).length * (1 - error);
      const saved = (accepted - alike.length * VERDICT_COST) / pairs.length;
      const shares = [accepted / pairs.length, wrong / accepted].map(percent);
      console.log(
        `| ${[least, `and a verifier, ${percent(error)} wrong`, ...shares, '-', percent(found / wanted), percent(saved)].join(' | ')} |`,
      );
    }
  }
  const counts = `${pairs.length} pairs, ${wanted} of them rated ${PARAPHRASE_MIN} and above`;
  console.log(`\n${counts}; ${perPairUs.toFixed(0)} us a pair, the model's start included; load ${loadavg()[0]?.toFixed(1)}`);
}

/** The default when the guard and its bounds were chosen. */
const MODEL = 'glove-sif-100@2';

async function ratedPairs(folder: string): Promise<RatedPair[]> {
  const { left, right, scores } = await readSentencePairs(folder);
  const { tokeniser, encoder } = must(
    (await readCommitted()).find(({ name }) => name === MODEL),
    'it is committed',
  ).model;
  const vectorOf = (text: string): Float32Array => {
    const { ids } = tokeniser.tokenise(text);
    return encoder.embed({ ids, offsets: Int32Array.of(0, ids.length) });
  };
  return scores.map((score, at) => {
    const [one, other] = [left[at] ?? '', right[at] ?? ''];
    const [a, b] = [vectorOf(one), vectorOf(other)];
    return { score, similarity: a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0), isAlike: mayAskTheSame(one, other) };
  });
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
