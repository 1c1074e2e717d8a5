import { LIMITS } from '../../src/contract/limits.ts';
import { utf8 } from '../../src/kernel/bytes.ts';
import type { Timer } from '../../src/kernel/timer.ts';

/** What a caller is sent, piece by piece, until it takes no more. */
interface Pieces {
  next(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

/** A comment, which every client of server-sent events skips. */
const SIGN_OF_LIFE = utf8(':\n\n');
const SILENCE = Symbol('silence');

/**
 * Events as a body: each piece is read once the caller has taken the one before. In a silence a comment is sent: that a caller has gone shows
 * only when something is sent to it, and what stands between the two may close a connection that rests. [U44]
 */
export function sentEvents(pieces: Pieces, timer: Timer): ReadableStream<Uint8Array> {
  let reading: Promise<Uint8Array | undefined> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        reading ??= pieces.next();
        const piece = await orSilence(reading, timer);
        if (piece === SILENCE) return controller.enqueue(SIGN_OF_LIFE);
        reading = undefined;
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
      cancel: () => pieces.cancel(),
    },
    { highWaterMark: 0 },
  );
}

function orSilence<T>(work: Promise<T>, timer: Timer): Promise<T | typeof SILENCE> {
  return new Promise((resolve, reject) => {
    const callOff = timer.after(LIMITS.completionSilenceMs, () => resolve(SILENCE));
    work.then(resolve, reject).finally(callOff);
  });
}
