import type { GateBounds, GatedPairs, GateVerdict } from '../../src/inference/build/gate/model-gate.ts';
import { judge } from '../../src/inference/build/gate/model-gate.ts';
import type { GatedTask } from '../../src/inference/build/gate/retrieval-figures.ts';
import type { GateTexts, PairTexts } from './gate-texts.ts';
import type { TextEmbedder } from './text-embedder.ts';

/** Two models and the texts by which one is judged by the other. */
export interface GatedModels {
  readonly base: TextEmbedder;
  readonly candidate: TextEmbedder;
  readonly texts: GateTexts;
  readonly pairs: PairTexts | undefined;
  readonly bounds: GateBounds;
}

/** Judges a candidate by its base, one after the other: both at once may need more memory than there is. */
export async function gateModels({ base, candidate, texts, pairs, bounds }: GatedModels): Promise<GateVerdict> {
  const [of, than] = [await embedAll(candidate, texts, pairs), await embedAll(base, texts, pairs)];
  const both =
    pairs === undefined || of.pairs === undefined || than.pairs === undefined
      ? {}
      : { pairs: { base: than.pairs, candidate: of.pairs, scores: pairs.scores } };
  return judge({ base: than.task, candidate: of.task, relevance: texts.relevance, ...both }, bounds);
}

async function embedAll(
  embedder: TextEmbedder,
  texts: GateTexts,
  pairs: PairTexts | undefined,
): Promise<{ task: GatedTask; pairs: GatedPairs | undefined }> {
  const { dimensions, vectors: queries } = await embedder.embed(texts.queries, 'query');
  const { vectors: documents } = await embedder.embed(texts.documents, 'passage');
  const sides = pairs && {
    dimensions,
    left: (await embedder.embed(pairs.left, 'passage')).vectors,
    right: (await embedder.embed(pairs.right, 'passage')).vectors,
  };
  await embedder.close();
  return { task: { dimensions, queries, documents }, pairs: sides };
}
