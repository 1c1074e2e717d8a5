import type { Timer } from '../../kernel/timer.ts';
import { inTime } from '../../kernel/timer.ts';
import type { Attempt, AttemptResult } from './attempt.ts';

interface HedgeParts {
  readonly run: (attempt: Attempt) => Promise<AttemptResult>;
  readonly timer: Timer;
}

interface Outcome {
  readonly won: Attempt;
  readonly result: AttemptResult;
}

/**
 * Runs an attempt; where it has not begun to answer after `afterMs`, another one beside it. The first that answers wins, and the other one
 * is cancelled. [U59] `second`: absent where the request may not be asked twice; it answers none where no other target is free.
 */
export async function hedged(
  first: Attempt,
  afterMs: number | undefined,
  second: (() => Promise<Attempt | undefined>) | undefined,
  { run, timer }: HedgeParts,
): Promise<Outcome> {
  const of = async (attempt: Attempt): Promise<Outcome> => ({ won: attempt, result: await run(attempt) });
  const running = of(first);
  if (afterMs === undefined || second === undefined) return running;
  const early = await inTime(running, afterMs, timer);
  if (early !== undefined) return early;
  const other = await second();
  if (other === undefined) return running;
  const both = [running, of(other)] as const;
  const winner = await firstAnswered(both);
  if (winner === undefined) return (await Promise.all(both))[0];
  const loser = winner.won === first ? other : first;
  loser.cancel();
  // The loser has given back what it held before the winner is passed on, also where it had begun to answer too.
  const [lost] = await Promise.allSettled([both[loser === first ? 0 : 1]]);
  if (lost.status === 'fulfilled' && lost.value.result.kind === 'answered') {
    lost.value.result.opened.body.cancel();
    loser.finish('cancelled', false);
  }
  return winner;
}

/** Undefined: neither has answered. */
async function firstAnswered(both: readonly Promise<Outcome>[]): Promise<Outcome | undefined> {
  const answered = both.map(async (one) => {
    const outcome = await one;
    if (outcome.result.kind !== 'answered') throw new NotAnswered();
    return outcome;
  });
  try {
    return await Promise.any(answered);
  } catch (cause) {
    // A defect of either is thrown by `both` itself.
    if (cause instanceof AggregateError) return undefined;
    throw cause;
  }
}

class NotAnswered extends Error {}
