/** Splits a word, as the steps before have made it, into pieces of a vocabulary. */
export interface PieceModel {
  /** Appends the ids of the pieces of a word. Refuses, with false, a word that holds what the vocabulary has no token for, nor an unknown one. */
  encode(word: string, ids: number[]): boolean;
}

const encoder = new TextEncoder();

/** In place of a zero byte, which ends a string in the trie: no UTF-8 has it. */
export const ZERO = 0xc0;

/** A text as the trie has it: its UTF-8, with `ZERO` for U+0000. */
export const pieceBytes = (text: string): Uint8Array => withoutZero(encoder.encode(text));

function withoutZero<B extends ArrayBufferLike>(bytes: Uint8Array<B>): Uint8Array<B> {
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at)) bytes[at] = ZERO;
  return bytes;
}

/** The bytes of one word after the other, in the same memory, as `pieceBytes` has them. */
export class WordBytes {
  bytes = new Uint8Array(256);
  length = 0;

  set(word: string): void {
    if (3 * word.length > this.bytes.length) this.bytes = new Uint8Array(6 * word.length);
    this.length = encoder.encodeInto(word, this.bytes).written;
    withoutZero(this.bytes.subarray(0, this.length));
  }
}

/** How many bytes the character has that begins with this byte. */
export const charBytes = (first: number): number => (first <= ZERO ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);

/** What a byte that no token has is written as: `<0xE2>`. */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
