const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** A line too long to be held. */
export const TOO_LONG = Symbol('a line longer than allowed');

/**
 * The lines of a byte stream, without their ends; blank ones are left out. Holds one line at a time, of at most `bytesMax` bytes:
 * a longer one is answered as `TOO_LONG`. Only newlines end a line: JSON strings may hold U+2028, which others split at.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string | typeof TOO_LONG> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const keep = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes > bytesMax) parts = [];
    else parts.push(part);
  };
  const take = (): string | typeof TOO_LONG => {
    const line = bytes > bytesMax ? TOO_LONG : decode(parts);
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) !== -1; start = end + 1) {
      keep(chunk.subarray(start, end));
      const line = take();
      if (line !== '') yield line;
    }
    keep(chunk.subarray(start));
  }
  const last = take();
  if (last !== '') yield last;
}

const decoder = new TextDecoder();

function decode(parts: readonly Uint8Array[]): string {
  const line = Buffer.concat(parts);
  return decoder.decode(line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line).trim();
}
