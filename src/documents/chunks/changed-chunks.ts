import type { Chunk } from './chunk.ts';

/** How the chunks of a version differ from those before it. */
export interface ChunkChanges {
  /** To be embedded, unless their content is known. */
  readonly added: readonly Chunk[];
  /** Known already; their offsets, positions, pages and sections may be others. */
  readonly kept: readonly Chunk[];
  /** Ids that the new version does not have. */
  readonly removed: readonly string[];
}

/** Compares ids of a version with the chunks of the next, each in its order. [DC19] */
export function changedChunks(oldIds: readonly string[], chunks: readonly Chunk[]): ChunkChanges {
  const old = new Set(oldIds);
  const now = new Set(chunks.map(({ id }) => id));
  return {
    added: chunks.filter(({ id }) => !old.has(id)),
    kept: chunks.filter(({ id }) => old.has(id)),
    removed: oldIds.filter((id) => !now.has(id)),
  };
}
