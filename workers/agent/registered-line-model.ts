import { refusalAt } from '../../src/contract/api/errors.ts';
import { pathBelow } from '../../src/contract/api/field-path.ts';
import { EMBEDDING_LIMITS } from '../../src/contract/embeddings/embedding-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { isTruncating } from '../../src/contract/embeddings/truncation.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { refuseBeyond } from '../../src/contract/limits/limit-refusal.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import { tooManyNumbers } from '../../src/inference/embedding-output.ts';
import { joinRows } from '../../src/cache/vector-rows.ts';
import { textChunks, tokensBound } from '../../src/inference/served/text-chunks.ts';
import type { TextCalls } from '../../src/inference/served/text-model.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { EmbeddingRequest, LineModel } from './line-model.ts';

/** A registered model: it takes texts as the gateway's `/v1/embeddings` does, and counts their tokens as the model sees them. */
export const registeredLineModel = (
  name: string,
  { model, version, manifest }: Pick<ModelRef, 'model' | 'version' | 'manifest'>,
  texts: Pick<TextCalls, 'embed'>,
): LineModel => ({
  name,
  id: model,
  dimensions: manifest.dimensions,
  makes: manifest,
  version,
  contractHash: manifest.contractHash,
  sharesRuns: true,
  async embed({ input, input_type: inputType, truncate }, output) {
    const rows = textsOf(input, model);
    if (!rows.ok) return rows;
    const bounds = rows.value.map((text) => tokensBound(manifest, text, inputType));
    const vectors: Float32Array[] = [];
    const lengths: number[] = [];
    const [tokens, cutTokens]: [number[], number[]] = [[], []];
    let numbers = 0;
    for (const chunk of textChunks(rows.value.keys(), bounds)) {
      const embedded = await texts.embed(
        chunk.map((row) => rows.value[row] ?? ''),
        inputType,
        { output, isTruncating: isTruncating(truncate) },
      );
      if (!embedded.ok) {
        const [at, ...rest] = pathBelow(embedded.error.path, ['input']) ?? [];
        return typeof at === 'number' ? err(refusalAt(embedded.error, ['input', chunk[at] ?? 0, ...rest])) : embedded;
      }
      // Chunks are of consecutive rows.
      vectors.push(embedded.value.vectors);
      lengths.push(...(embedded.value.lengths ?? []));
      numbers += embedded.value.vectors.length;
      if (output !== 'dense' && numbers > EMBEDDING_LIMITS.embeddingNumbersMaxCount) return tooManyNumbers(numbers, output);
      tokens.push(...embedded.value.tokens);
      cutTokens.push(...(embedded.value.cutTokens ?? chunk.map(() => 0)));
    }
    const total = tokens.reduce((sum, count) => sum + count, 0);
    if (total <= EMBEDDING_LIMITS.embeddingTokensMaxCount)
      return ok({
        vectors: joinRows(vectors).vectors,
        ...(output === 'dense' ? {} : { lengths: Int32Array.from(lengths) }),
        tokens,
        cutTokens,
      });
    return refuseBeyond({ path: 'input', limit: 'embeddingTokensMaxCount', value: total, what: `has ${total} tokens` });
  },
});

function textsOf(input: EmbeddingRequest['input'], model: string): Outcome<readonly string[]> {
  const items: readonly unknown[] = typeof input === 'string' ? [input] : input;
  const at = items.findIndex((item) => typeof item !== 'string');
  return at === -1 ? ok(items as string[]) : refuse('invalid_value', `has token ids; ${model} takes texts only`, ['input', at]);
}
