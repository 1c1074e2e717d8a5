import type * as z from 'zod';

import type { embeddingEndpoints } from '../../src/contract/embeddings/embeddings.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { isTruncating } from '../../src/contract/embeddings/truncation.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import type { EmbeddingModel, TokenisedText, Tokeniser } from '../../src/inference/embedding-model.ts';
import { checkWords, firstUnknownId, tokenBatch } from '../../src/inference/token-batch.ts';
import type { EmbeddingOutput } from '../../src/inference/embedding-output.ts';
import type { EmbeddedTexts } from '../../src/inference/served/model-calls.ts';
import type { ModelReading } from '../../src/inference/served-manifest.ts';
import { ok } from '../../src/kernel/result.ts';

/** A request of `/v1/embeddings`, validated. */
export type EmbeddingRequest = z.output<(typeof embeddingEndpoints)['createEmbeddings']['body']['schema']>;

/** Vectors as `EmbeddedTexts` has them. */
export type LineVectors = Pick<EmbeddedTexts, 'vectors' | 'lengths'> & {
  readonly tokens: readonly number[];
  /** Of each text, how many tokens were cut off. */
  readonly cutTokens: readonly number[];
};

/** A model that answers the lines of a batch, whatever runs it. */
export interface LineModel {
  /** What requests call it: an alias or a version, perhaps. */
  readonly name: string;
  /** What answers call it. */
  readonly id: string;
  readonly dimensions: number;
  /** The forms of vectors that it makes. */
  readonly makes: Pick<ModelReading, 'task' | 'pooling'>;
  /** Whether requests under way at the same time are computed together. */
  readonly sharesRuns?: true;
  readonly version: string;
  readonly contractHash: string;
  /** Vectors of all texts of a request, of full length, and the tokens of each. Refuses as `outputFor` does. */
  embed(request: EmbeddingRequest, output: EmbeddingOutput): Promise<Outcome<LineVectors>>;
}

/** A model of the deployment, ready to use. */
export interface LoadedModel {
  readonly tokeniser: Tokeniser;
  readonly model: EmbeddingModel;
}

/** A static model of the deployment. `name`: what requests call it, with a version perhaps. */
export const staticLineModel = ({ tokeniser, model }: LoadedModel, name = model.manifest.id): LineModel => ({
  name,
  id: model.manifest.id,
  dimensions: model.manifest.dimensions,
  makes: { task: 'embedding', pooling: 'none' },
  version: model.manifest.version,
  contractHash: model.manifest.contractHash,
  async embed({ input, truncate }) {
    const texts = tokensOf(input, tokeniser, isTruncating(truncate) ? model.manifest.tokensMax : Infinity);
    const short = checkWords(
      model.manifest,
      texts.map(({ words }) => words),
    );
    if (!short.ok) return short;
    const batch = tokenBatch(texts.map(({ ids }) => ids));
    const { vocabularySize } = model.manifest;
    if (firstUnknownId(batch.ids, vocabularySize) !== -1)
      return refuse('invalid_value', `a token id is not below the vocabulary size ${vocabularySize}`, 'input');
    const counts = { tokens: texts.map(({ words }) => words), cutTokens: texts.map(({ cutWords }) => cutWords) };
    return ok({ vectors: await model.embed(batch), ...counts });
  },
});

type Measured = Pick<TokenisedText, 'ids' | 'words' | 'cutWords'>;

function tokensOf(input: EmbeddingRequest['input'], tokeniser: Tokeniser, wordsMax: number): Measured[] {
  if (typeof input === 'string') return [tokeniser.tokenise(input, wordsMax)];
  const [first] = input;
  if (typeof first === 'number') return [asTokenised(input as number[], wordsMax)];
  return (input as string[] | number[][]).map((item) =>
    typeof item === 'string' ? tokeniser.tokenise(item, wordsMax) : asTokenised(item, wordsMax),
  );
}

function asTokenised(all: readonly number[], wordsMax: number): Measured {
  const ids = Int32Array.from(all.slice(0, wordsMax));
  return { ids, words: ids.length, cutWords: all.length - ids.length };
}
