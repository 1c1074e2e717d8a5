import type { CutText } from '../../contract/embeddings/truncation.ts';
import type { QueryBody } from '../../contract/vectors/vectors.ts';
import type { IndexManifest, PinnedEmbedding } from '../../index/index-manifest.ts';
import { embeddingFor } from '../../index/index-manifest.ts';
import { ok } from '../../kernel/result.ts';
import { bytesHeld } from './kept-bytes.ts';
import { fieldEmbedding } from './plans/known-fields.ts';
import type { SearchKind } from './query-cache.ts';
import type { Searches } from './searches.ts';
import type { EmbeddingCaller } from './vector-space.ts';
import type { ServedMatches } from './visible/served-matches.ts';

/** What one query found, and its text if that was cut. */
export type FoundMatches = ServedMatches & { readonly cut: readonly CutText[] };

/** Queries, to the cache of searches. */
export const queryKind = (searches: Pick<Searches, 'search'>): SearchKind<EmbeddingCaller, QueryBody, FoundMatches> => ({
  name: 'query',
  search: async (caller, index, asked, deadlineMs) => {
    const searched = await searches.search(caller, index, asked, deadlineMs);
    if (!searched.ok) return searched;
    const { found, cut, ...rest } = searched.value;
    const own = (at: number) => cut.filter(({ index: of }) => of === at).map(({ tokens }) => ({ index: 0, tokens }));
    return ok({ ...rest, found: found.map((one, at) => ({ ...one, cut: own(at) })) });
  },
  embeddingOf,
  modelsOf: async (manifest, body) => (body.text === undefined ? [] : [embeddingOf(manifest, body)?.model ?? '']),
  bytesOf: (found) => (isPartial(found) ? Infinity : bytesHeld(found)),
  isPartial,
});

const embeddingOf = (manifest: IndexManifest, { field }: QueryBody): PinnedEmbedding | null =>
  field === undefined ? embeddingFor(manifest, 'queries') : fieldEmbedding(manifest, field);

const isPartial = ({ missing }: FoundMatches): boolean => missing !== undefined;
