import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { assert } from '../../kernel/assert.ts';
import type { FoundChunk, StoredChunk } from './passage.ts';

/** What chunks near a chunk count for. */
export interface SupportSettings {
  /** So many chunks on either side support a chunk, and those of them that were not found may be read as well. */
  readonly neighbours: number;
  /** What the score of the next chunk counts for, in [0, 1]; of the one behind it that times itself, and so on. */
  readonly support: number;
}

/** Chosen with the size of chunks (`bench -- chunking`): what answers a question is seldom alone. More than half for each step away finds less at every size. */
export const DEFAULT_SUPPORT: SupportSettings = { neighbours: 3, support: 0.5 };

/** A chunk, and what is expected of it once its neighbours are known. */
export interface SupportedChunk {
  readonly chunk: StoredChunk;
  readonly score: number;
}

/**
 * Chunks in the order in which they are worth reading, best first. A chunk's own score lies between 0, the least that was found or nothing, and 1; to it those of
 * its neighbours are added. Of equal ones the first by document and position comes first. [DC30]
 */
export function supportedChunks(
  found: readonly FoundChunk[],
  around: readonly StoredChunk[],
  { neighbours, support }: SupportSettings,
): SupportedChunk[] {
  assert(neighbours >= 0 && neighbours <= DOCUMENT_LIMITS.neighboursMaxCount, 'the number of neighbours is within the limit');
  const own = ownScores(found);
  const chunks = new Map([...around, ...found].map((chunk) => [keyOf(chunk.document, chunk.position), chunk]));
  const supported: SupportedChunk[] = [];
  for (const [key, chunk] of chunks) {
    let score = own.get(key) ?? 0;
    let isNear = own.has(key);
    for (let distance = 1; distance <= neighbours; distance += 1) {
      for (const position of [chunk.position - distance, chunk.position + distance]) {
        const other = own.get(keyOf(chunk.document, position));
        if (other === undefined) continue;
        isNear = true;
        score += other * support ** distance;
      }
    }
    if (isNear) supported.push({ chunk, score });
  }
  return supported.sort((a, b) => b.score - a.score || byPlace(a.chunk, b.chunk));
}

function ownScores(found: readonly FoundChunk[]): Map<string, number> {
  const scores = found.map(({ score }) => score);
  assert(scores.every(Number.isFinite), 'scores are finite');
  const least = scores.reduce((a, b) => Math.min(a, b), Infinity);
  const range = scores.reduce((a, b) => Math.max(a, b), -Infinity) - least;
  return new Map(
    found.map(({ document, position, score }) => [keyOf(document, position), range > 0 ? (score - least) / range : 1] as const),
  );
}

const keyOf = (document: string, position: number): string => `${position} ${document}`;

const byPlace = (a: StoredChunk, b: StoredChunk): number =>
  a.document === b.document ? a.position - b.position : a.document < b.document ? -1 : 1;
