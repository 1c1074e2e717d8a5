import type { StaticModel } from '../../../src/inference/static/static-model.ts';
import type { FoundChunk } from '../../../src/documents/passages/passage.ts';
import type { SupportSettings } from '../../../src/documents/passages/supported-chunks.ts';
import { supportedChunks } from '../../../src/documents/passages/supported-chunks.ts';
import { must } from '../../../src/kernel/assert.ts';
import { chooseFusion, EXPECTED_QUALITY } from '../../../src/text/fusion/default-rule.ts';
import { fuse } from '../../../src/text/fusion/fuse.ts';
import { embedTexts } from '../../../workers/cli/models/measured-quality.ts';
import { vectorLegs, wordLegs } from '../fusion/exact-legs.ts';
import type { CutChunk } from './cut-corpora.ts';

/** What each query finds by words and by vectors of the default model, merged by the default rule: the same for all chunkings. */
export function foundChunks(chunks: readonly CutChunk[], queries: readonly string[], model: StaticModel): FoundChunk[][] {
  const documents = chunks.map(({ searched }) => searched);
  const { dimensions } = model.encoder.manifest;
  const words = wordLegs({ name: 'chunks', documents, queries, relevance: [] });
  const vectors = vectorLegs({ dimensions, queries: embedTexts(model, queries), documents: embedTexts(model, documents) });
  return queries.map((_, query) => {
    const legs = [words, vectors].map((leg, at) => ({
      ...must(leg[query], 'a leg of each query'),
      judged: null,
      expected: at === 0 ? EXPECTED_QUALITY.words : must(model.encoder.manifest.retrievalQuality, 'a measured model'),
    }));
    const { fusion, weights } = chooseFusion(legs);
    const { ids, scores } = fuse(
      legs.map((leg, at) => ({ ...leg, weight: must(weights[at], 'a weight') })),
      fusion,
    );
    return ids.map((id, rank) => ({ ...must(chunks[Number(id)], 'a chunk'), score: must(scores[rank], 'a score') }));
  });
}

/** Chunks in the order in which readers get them. */
export function readingOrder(chunks: readonly CutChunk[], found: readonly FoundChunk[], settings: SupportSettings) {
  const wanted = new Set(found.flatMap(({ document, position }) => nearPositions(position, settings).map((near) => `${near} ${document}`)));
  const around = chunks.filter(({ document, position }) => wanted.has(`${position} ${document}`));
  return supportedChunks(found, around, settings).map(({ chunk }) => chunk);
}

const nearPositions = (position: number, { neighbours }: SupportSettings): number[] =>
  Array.from({ length: 2 * neighbours + 1 }, (_, at) => position - neighbours + at);
