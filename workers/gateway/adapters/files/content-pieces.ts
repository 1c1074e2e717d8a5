/** The content of a file, piece by piece as it comes. */
export const piecesOf = (content: Blob | ReadableStream): AsyncIterable<Uint8Array> =>
  content instanceof Blob ? content.stream() : content;
