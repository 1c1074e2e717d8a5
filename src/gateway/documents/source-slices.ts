import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';

/** Text of a source, and how many of its bytes are read with it. */
export interface SourceSlice {
  readonly text: string;
  readonly bytesRead: number;
}

/** Bytes that are decoded at once. */
const SLICE_BYTES_MAX = 65_536;

const BYTE_ORDER_MARK = '\uFEFF';

/** The text of UTF-8 that comes in pieces, without a byte order mark at its beginning. Refuses what is no UTF-8, naming where it begins to be none, roughly. [DC76] */
export async function* sourceSlices(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Outcome<SourceSlice>, void> {
  let open = new Uint8Array(0);
  let bytesRead = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES_MAX) {
      const bytes = joined(open, piece.subarray(at, at + SLICE_BYTES_MAX));
      const end = wholeEnd(bytes);
      open = bytes.slice(end);
      const slice = decoded(bytes.subarray(0, end), bytesRead);
      yield slice;
      if (!slice.ok) return;
      bytesRead += end;
    }
  }
  if (open.length > 0) yield decoded(open, bytesRead);
}

function decoded(bytes: Uint8Array, before: number): Outcome<SourceSlice> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const isMarked = before === 0 && text.startsWith(BYTE_ORDER_MARK);
    return ok({ text: isMarked ? text.slice(1) : text, bytesRead: before + bytes.length });
  } catch {
    const what = `the source is not UTF-8, somewhere in the bytes from ${before} to ${before + bytes.length}`;
    return refuse('invalid_value', `${what}: convert it, or say of which format it is`);
  }
}

/** Where the last whole character ends; of what is no character, the end. */
function wholeEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return charBytes(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** How many bytes a character has that begins so. */
const charBytes = (lead: number): number => (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
