/** Runs something later. */
export interface Timer {
  /** Answers how to call it off; afterwards that does nothing. */
  after(delayMs: number, run: () => void): () => void;
}

/** What `work` comes to within `limitMs`. Undefined: it is not done by then, and goes on. */
export async function inTime<T>(work: Promise<T>, limitMs: number, timer: Timer): Promise<T | undefined> {
  let disarm: (() => void) | undefined;
  const late = new Promise<undefined>((resolve) => {
    disarm = timer.after(limitMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    disarm?.();
  }
}

/** Resolves when others that wait for this thread have had a turn. */
export const turnOfOthers = (timer: Timer): Promise<void> => new Promise((resolve) => void timer.after(0, resolve));

/** What `steps` come to, with a turn of others between two of them: each takes some milliseconds. */
export async function inTurns<T>(steps: Generator<void, T>, timer: Timer): Promise<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    await turnOfOthers(timer);
  }
}
