import type { ByteWriter } from './byte-writer.ts';
import { ByteReader } from './byte-writer.ts';

/** A term of a leaf and where its postings are among those of the leaf. */
export interface LeafTerm {
  readonly term: string;
  readonly count: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A length up to this is half a byte; of a longer one, what it is more follows. */
const NIBBLE_MAX = 15;

/**
 * Writes a term as what it does not share with the one before, in code units: any text comes back as it was. The lengths of both parts share a byte,
 * as those of LZ4's sequences do: most terms occur once, and are most of what a dictionary takes.
 */
export function writeTerm(writer: ByteWriter, before: string, term: string): void {
  let shared = 0;
  while (shared < before.length && shared < term.length && before.charCodeAt(shared) === term.charCodeAt(shared)) shared += 1;
  const own = term.length - shared;
  writer.byte((Math.min(shared, NIBBLE_MAX) << 4) | Math.min(own, NIBBLE_MAX));
  if (shared >= NIBBLE_MAX) writer.varint(shared - NIBBLE_MAX);
  if (own >= NIBBLE_MAX) writer.varint(own - NIBBLE_MAX);
  for (let i = shared; i < term.length; i += 1) writer.varint(term.charCodeAt(i));
}

export function readTerm(reader: ByteReader, before: string): string {
  const lengths = reader.byte();
  const shared = wholeLength(reader, lengths >>> 4);
  let term = before.slice(0, shared);
  for (let left = wholeLength(reader, lengths & NIBBLE_MAX); left > 0; left -= 1) term += String.fromCharCode(reader.varint());
  return term;
}

const wholeLength = (reader: ByteReader, nibble: number): number => (nibble < NIBBLE_MAX ? nibble : NIBBLE_MAX + reader.varint());

/** The terms of a leaf of the dictionary, in order of code units. */
export function* leafTerms(encoded: Uint8Array): Generator<LeafTerm> {
  const reader = new ByteReader(encoded);
  let [term, offset] = ['', 0];
  while (!reader.isAtEnd) {
    term = readTerm(reader, term);
    const [count, bytes] = [reader.varint(), reader.varint()];
    yield { term, count, offset, bytes };
    offset += bytes;
  }
}

/**
 * Terms ascend, so one that shares more with the one before than that shares with the sought one comes before it, too, and one that shares less
 * comes behind it: only those that share as much are compared, from there on.
 */
export function findInLeaf(encoded: Uint8Array, term: string): LeafTerm | undefined {
  const reader = new ByteReader(encoded);
  // Code units that the last term before the sought one shares with it.
  let common = 0;
  for (let offset = 0; !reader.isAtEnd;) {
    const lengths = reader.byte();
    const shared = wholeLength(reader, lengths >>> 4);
    let left = wholeLength(reader, lengths & NIBBLE_MAX);
    if (shared < common) return undefined;
    let isFound = false;
    if (shared === common) {
      let unit = -1;
      for (; left > 0; left -= 1) {
        unit = reader.varint();
        // Behind the end of the sought term this is no number, which no unit equals.
        if (unit !== term.charCodeAt(common)) break;
        common += 1;
      }
      if (left > 0) {
        if (common === term.length || unit > term.charCodeAt(common)) return undefined;
        left -= 1;
      } else isFound = common === term.length;
    }
    for (; left > 0; left -= 1) reader.varint();
    const [count, bytes] = [reader.varint(), reader.varint()];
    if (isFound) return { term, count, offset, bytes };
    offset += bytes;
  }
  return undefined;
}
