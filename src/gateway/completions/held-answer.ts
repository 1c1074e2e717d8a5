import type { Completed } from './completion-call.ts';
import type { AnswerPieces, CompletionEnd } from './answer-pieces.ts';
import { replayed } from './kept-stream.ts';

/** An answer that was read to its end before any of it was sent. */
export interface HeldAnswer {
  readonly kind: 'held';
  readonly end: CompletionEnd;
  /** The answer, to be sent. `costUsd`: what the call costs, for the event with the usage. */
  again(costUsd: string): Completed['answer'];
}

/** An answer too large to be held: it is passed on from its beginning. */
interface LongAnswer {
  readonly kind: 'long';
  readonly answer: Extract<Completed['answer'], { kind: 'stream' }>;
}

/** Reads an answer to its end, but at most `bytesMax` of a stream. [U172] */
export async function heldAnswer(answer: Completed['answer'], bytesMax: number): Promise<HeldAnswer | LongAnswer> {
  if (answer.kind === 'whole') return { kind: 'held', end: answer.end, again: () => answer };
  const { stream, ended } = answer;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > bytesMax) return { kind: 'long', answer: { kind: 'stream', stream: goingOn(pieces, stream), ended } };
  }
  const end = await ended;
  return { kind: 'held', end, again: (costUsd) => ({ kind: 'stream', ...replayed(pieces, costUsd, end) }) };
}

const goingOn = (pieces: Uint8Array[], stream: AnswerPieces): AnswerPieces => ({
  next: () => {
    const held = pieces.shift();
    return held === undefined ? stream.next() : Promise.resolve(held);
  },
  cancel: () => stream.cancel(),
});
