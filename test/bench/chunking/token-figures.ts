import type { StoredChunk } from '../../../src/documents/passages/passage.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { ChunkingQuestion } from './questions.ts';
import type { TokenPlaces } from './token-places.ts';

/** Of one question: shares of tokens. */
export interface TokenFigures {
  readonly recall: number;
  readonly precision: number;
  readonly iou: number;
}

/** Takes chunks in order until so many different tokens are read, the last chunk in part, and compares them with a question's excerpts. */
export function tokenFigures(
  { corpus, excerpts }: ChunkingQuestion,
  order: readonly StoredChunk[],
  places: ReadonlyMap<string, TokenPlaces>,
  budget: number,
): TokenFigures {
  const wanted = new Set<number>();
  for (const excerpt of excerpts) eachToken(placesOf(places, corpus).of(excerpt), (token) => wanted.add(token));
  const read = new Map<string, Set<number>>();
  let left = budget;
  for (const chunk of order) {
    if (left === 0) break;
    const tokens = read.get(chunk.document) ?? new Set<number>();
    read.set(chunk.document, tokens);
    eachToken(placesOf(places, chunk.document).of(chunk), (token) => {
      if (left === 0 || tokens.has(token)) return;
      tokens.add(token);
      left -= 1;
    });
  }
  const found = [...wanted].filter((token) => read.get(corpus)?.has(token) === true).length;
  const count = budget - left;
  return { recall: found / wanted.size, precision: found / count, iou: found / (count + wanted.size - found) };
}

const placesOf = (places: ReadonlyMap<string, TokenPlaces>, corpus: string): TokenPlaces => must(places.get(corpus), 'tokens of a corpus');

function eachToken({ from, to }: { readonly from: number; readonly to: number }, visit: (token: number) => void): void {
  for (let token = from; token < to; token += 1) visit(token);
}
