import { messageOf } from '../../../../src/contract/api/errors.ts';
import type { AuthorityEnd } from '../../../../src/contract/tenancy/authority-end.ts';
import type { AnswerPieces } from '../../../../src/gateway/completions/answer-pieces.ts';

/**
 * Bytes as a body, read only as the caller takes them. Nothing can be said among them: where the upstream breaks off, or the caller's right ends, the
 * connection does, too, so that no caller takes a part for the whole. [T121] [U267]
 */
export function sentBytes(
  pieces: AnswerPieces,
  onPiece: (piece: Uint8Array) => void,
  right: AuthorityEnd | undefined,
): ReadableStream<Uint8Array> {
  let leave: (() => void) | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        leave = right?.onEnd((why) => {
          controller.error(new Error(messageOf(why)));
          pieces.cancel();
        });
      },
      async pull(controller) {
        const piece = await pieces.next().catch((reason: unknown) => {
          leave?.();
          throw reason;
        });
        if (piece !== undefined) {
          onPiece(piece);
          return controller.enqueue(piece);
        }
        leave?.();
        // What was called off has its error already.
        if (right?.refusal === undefined) controller.close();
      },
      cancel() {
        leave?.();
        pieces.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
