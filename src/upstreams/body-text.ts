import { utf8Text } from '../contract/api/json-text.ts';
import { joinedBytes } from '../kernel/bytes.ts';
import type { BodyReader, TransportFault } from './transport.ts';

/** A body as text. One that is larger than `bytesMax`, or no UTF-8, is no answer. */
export async function bodyText(body: BodyReader, bytesMax: number): Promise<string | TransportFault> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const piece = await body.read();
    if (piece === undefined) return utf8Text(joinedBytes(pieces)) ?? { kind: 'fault', fault: 'garbage' };
    if ('kind' in piece) return piece;
    bytes += piece.length;
    if (bytes > bytesMax) {
      body.cancel();
      return { kind: 'fault', fault: 'garbage' };
    }
    pieces.push(piece);
  }
}
