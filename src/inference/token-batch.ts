/**
 * The token ids of several texts, end to end: two buffers whatever the number of texts, so a batch crosses RPC cheaply.
 * Text `i` owns `ids[offsets[i] .. offsets[i + 1])`; `offsets` starts at 0, never falls, and ends at `ids.length`.
 */
export interface TokenBatch {
  readonly ids: Int32Array<ArrayBuffer>;
  readonly offsets: Int32Array<ArrayBuffer>;
}

export function tokenBatch(texts: readonly Int32Array[]): TokenBatch {
  const offsets = new Int32Array(texts.length + 1);
  texts.forEach((text, i) => {
    offsets[i + 1] = offsets[i]! + text.length;
  });
  const ids = new Int32Array(offsets[texts.length]!);
  texts.forEach((text, i) => ids.set(text, offsets[i]));
  return { ids, offsets };
}

/** Whether `offsets` cuts `ids` into texts as `TokenBatch` promises. */
export function isTokenBatch({ ids, offsets }: TokenBatch): boolean {
  if (offsets[0] !== 0 || offsets.at(-1) !== ids.length) return false;
  for (let i = 1; i < offsets.length; i++) if (offsets[i]! < offsets[i - 1]!) return false;
  return true;
}

/** Position of the first id outside `[0, vocabularySize)`, or -1. */
export function firstUnknownId(ids: Int32Array, vocabularySize: number): number {
  for (let i = 0; i < ids.length; i++) if (ids[i]! < 0 || ids[i]! >= vocabularySize) return i;
  return -1;
}
