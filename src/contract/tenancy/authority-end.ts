import type { Refusal } from '../api/errors.ts';

/** Tells a request under way that its right has ended: its key is revoked or has expired, or its tenant is suspended or erased. [T121] */
export interface AuthorityEnd {
  /** Why it has ended; undefined: it has not, as far as is known. */
  readonly refusal: Refusal | undefined;
  /** Runs `run` once it ends, at once if it has. Answers how to stop listening. */
  onEnd(run: (why: Refusal) => void): () => void;
  /** Has it watched, until all who hold it have let go. Answers how to let go. */
  hold(): () => void;
  /** What the request does may end its own right: it is answered nonetheless. */
  waive(): void;
}

/** What `work` comes to, or, as soon as the right ends, what `ended` makes of the refusal, while the work goes on. */
export function unlessEnded<T>(end: AuthorityEnd | undefined, work: Promise<T>, ended: (why: Refusal) => T): Promise<T> {
  if (end === undefined) return work;
  return new Promise((resolve, reject) => {
    const leave = end.onEnd((why) => resolve(ended(why)));
    const settled = <V>(settle: (value: V) => void) => {
      return (value: V): void => {
        leave();
        settle(value);
      };
    };
    work.then(settled(resolve), settled(reject));
  });
}

/** Why the right ends before a pause is over; undefined: it lasts. */
export const sleptUnlessEnded = (end: AuthorityEnd | undefined, pause: Promise<void>): Promise<Refusal | undefined> =>
  unlessEnded<Refusal | undefined>(
    end,
    pause.then(() => undefined),
    (why) => why,
  );
