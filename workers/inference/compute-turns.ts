import { sleep } from '../../durable-objects/system-time.ts';

/** Longer than a step takes. */
const PAUSE_MS = 2;

/** Calls of the isolate that pause between two steps of theirs. */
let pausing = 0;

/**
 * Ends a step of work that a tenant chose: all other calls have their turn. Each such call waits as long as one step of each of them takes,
 * and one of its own: half of the isolate's time is left to others, however many compute.
 */
export async function letOthersCompute(): Promise<void> {
  pausing += 1;
  try {
    await sleep(PAUSE_MS * (pausing + 1));
  } finally {
    pausing -= 1;
  }
}
