import { Help } from 'commander';

import type { CostReportReply, StackReply } from '../../../src/contract/planning/cost.ts';
import { table } from '../command/command.ts';

type Replayed = CostReportReply['replayed'];

/** A factor with its interval, such as `2.43 [2.40, 2.47]`. */
export const factorText = ({ mean, low, high }: StackReply['total']): string =>
  `${mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;

/** What a stack was measured on, such as `teacher at the edge, texts of 256 tokens`. */
export const stackName = ({ place, tokens }: StackReply): string => `teacher at the ${place}, texts of ${tokens} tokens`;

/** Stacks of the strict measure; those of the other are the same but for what the student may answer. */
export const strictStacks = ({ stacks }: Replayed): readonly StackReply[] => stacks.filter(({ measure }) => measure === 'strict');

/** How the replay was made. */
export const replayedNote = ({ command, date, load, repeat_rate, loss_max }: Replayed): string =>
  `All strategies on one trace, each switched on after those before it, so that none saves the same call twice. ${percent(repeat_rate)} of the calls ` +
  `repeat an earlier one; at most ${percent(loss_max)} of nDCG@10 may be lost. A negative share costs more than it saves ` +
  `[${command}, ${date}, load ${load} on two cores].`;

/** Adding zero makes -0 a plain 0. */
export const percent = (share: number): string => `${Math.round(share * 1_000) / 10 + 0} %`;

/** The replayed stacks as a terminal shows them. */
export function replayedText(replayed: Replayed, columns: number): string {
  const stacks = strictStacks(replayed).map((stack) =>
    [
      `${stackName(stack)}:`,
      table(
        ['step', 'USD a million', 'share of the saving', 'nDCG@10 lost'],
        stack.steps.map(({ name, usd_per_million, share, loss }) => [name, usd_per_million.toFixed(3), percent(share), percent(loss.mean)]),
      ),
      wrapped(
        `times cheaper: ${factorText(stack.total)}; up to "${stack.best.up_to}": ${factorText(stack.best.factor)}; ` +
          `all, of int8 in batches behind a cache: ${factorText(stack.of_sensible)}; with the requests: ${factorText(stack.with_requests)}`,
        columns,
      ),
    ].join('\n'),
  );
  return [wrapped(`Stacked: ${replayedNote(replayed)}`, columns), ...stacks].join('\n\n');
}

const wrapped = (text: string, columns: number): string => new Help().boxWrap(text, columns);
