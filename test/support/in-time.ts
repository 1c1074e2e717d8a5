const TRIES = 6;

/**
 * The outcome of a trial that says something only if this machine did it within `windowMs` from `begin` on, as what is tried lives no
 * longer. One that took longer is repeated with twice the time: give what it makes names of its own by the window.
 */
export async function inTime<T>(windowMs: number, trial: (windowMs: number, begin: () => void) => Promise<T>): Promise<T> {
  for (let [triesLeft, ms] = [TRIES, windowMs]; triesLeft > 0; [triesLeft, ms] = [triesLeft - 1, 2 * ms]) {
    let begunMs = performance.now();
    const outcome = await trial(ms, () => (begunMs = performance.now()));
    if (performance.now() - begunMs < ms) return outcome;
  }
  throw new Error(`this machine never did within ${windowMs * 2 ** (TRIES - 1)} ms what takes a fraction of that`);
}
