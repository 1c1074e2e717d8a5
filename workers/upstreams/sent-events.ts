import { LIMITS } from '../../src/contract/limits.ts';
import { utf8 } from '../../src/kernel/bytes.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Timer } from '../../src/kernel/timer.ts';
import { WaitLimit } from '../../src/kernel/wait-limit.ts';

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
export function sentEvents(pieces: Pieces, timer: Timer, clock: Clock): ReadableStream<Uint8Array> {
  const silence = new WaitLimit(timer, clock);
  let reading: Promise<Uint8Array | undefined> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        reading ??= pieces.next();
        const piece = await orSilence(reading, silence);
        if (piece === SILENCE) return controller.enqueue(SIGN_OF_LIFE);
        reading = undefined;
        if (piece !== undefined) return controller.enqueue(piece);
        silence.release();
        controller.close();
      },
      cancel() {
        silence.release();
        pieces.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}

async function orSilence<T>(work: Promise<T>, silence: WaitLimit): Promise<T | typeof SILENCE> {
  const silent = new Promise<typeof SILENCE>((resolve) => silence.begin(LIMITS.completionSilenceMs, () => resolve(SILENCE)));
  try {
    return await Promise.race([work, silent]);
  } catch (error) {
    silence.release();
    throw error;
  }
}
