import type { ReplayedStack } from '../../../src/inference/cost/replayed-stack.ts';
import { REPLAYED } from '../../../src/inference/cost/replayed-stack.ts';
import { table } from '../command.ts';

/** A factor with its interval, such as `2.43 [2.40, 2.47]`. */
export const factorText = ({ mean, low, high }: ReplayedStack['total']): string =>
  `${mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;

/** What a stack was measured on, such as `teacher at the edge, texts of 256 tokens`. */
export const stackName = ({ place, tokens }: ReplayedStack): string => `teacher at the ${place}, texts of ${tokens} tokens`;

/** Stacks of the strict measure; those of the other are the same but for what the student may answer. */
export const strictStacks = (): readonly ReplayedStack[] => REPLAYED.stacks.filter(({ measure }) => measure === 'strict');

/** How the replay was made. */
export const replayedNote = (): string =>
  `All strategies on one trace, each switched on after those before it, so that none saves the same call twice. ${percent(REPLAYED.repeatRate)} of the calls ` +
  `repeat an earlier one; at most ${percent(REPLAYED.lossMax)} of nDCG@10 may be lost. A negative share costs more than it saves ` +
  `[${REPLAYED.command}, ${REPLAYED.date}, load ${REPLAYED.load} on two cores].`;

/** Adding zero makes -0 a plain 0. */
export const percent = (share: number): string => `${Math.round(share * 1_000) / 10 + 0} %`;

/** The replayed stacks as a terminal shows them. */
export function replayedText(): string {
  const stacks = strictStacks().map((stack) =>
    [
      `${stackName(stack)}:`,
      table(
        ['step', 'USD a million', 'share of the saving', 'nDCG@10 lost'],
        stack.steps.map(({ name, usdPerMillion, share, loss }) => [name, usdPerMillion.toFixed(3), percent(share), percent(loss.mean)]),
      ),
      `times cheaper: ${factorText(stack.total)}; up to "${stack.best.upTo}": ${factorText(stack.best.factor)}; ` +
        `all, of int8 in batches behind a cache: ${factorText(stack.ofSensible)}; with the requests: ${factorText(stack.withRequests)}`,
    ].join('\n'),
  );
  return [`Stacked: ${replayedNote()}`, ...stacks].join('\n\n');
}
