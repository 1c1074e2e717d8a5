import { rawLines } from '../../src/kernel/raw-lines.ts';

/** A line too long to be held. */
export const TOO_LONG = Symbol('a line longer than allowed');

const decoder = new TextDecoder();

/** The lines of a byte stream, without what spacing they begin or end with; blank ones are left out, and longer ones than allowed `TOO_LONG`. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string | typeof TOO_LONG> {
  for await (const { content } of rawLines(chunks, bytesMax)) {
    const line = content === undefined ? TOO_LONG : decoder.decode(content).trim();
    if (line !== '') yield line;
  }
}
