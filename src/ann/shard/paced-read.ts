import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import { SteppedWork } from '../../kernel/stepped-work.ts';

interface Pacing {
  readonly clock: Clock;
  /** Resolves when the calls have been served that were delivered until now. */
  readonly turn: () => Promise<void>;
  /** How long the caller waits from now on. */
  readonly budgetMs: number | undefined;
}

/** Does a read with turns of others between its steps, until its caller waits no longer: then it is refused with `deadline_exceeded`. [TX191] */
export async function readPaced<T>(
  steps: Steps<Outcome<T>>,
  { clock, turn, budgetMs = API_LIMITS.queryDeadlineMaxMs }: Pacing,
): Promise<Outcome<T>> {
  const untilMs = clock.nowMs() + budgetMs;
  const work = new SteppedWork(EVERY_STEP, async () => {
    await turn();
    if (clock.nowMs() > untilMs) work.stop();
  });
  return (await work.run(steps)) ?? refuse('deadline_exceeded', 'the shard reads for longer than its caller waits');
}

const EVERY_STEP = { stepUnitsMax: 0, unitsMax: Number.MAX_SAFE_INTEGER };
