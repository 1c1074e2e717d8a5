import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse, refuseBeyond } from '../contract/outcome.ts';
import { ok } from '../kernel/result.ts';
import type { ModelManifest } from './model-manifest.ts';
import type { TokenBatch } from './token-batch.ts';
import { firstUnknownId, isTokenBatch } from './token-batch.ts';

/** Whether `model` can embed `batch`; a refusal names the text at fault as `input[i]`. */
export function checkTokenBatch(model: ModelManifest, batch: TokenBatch): Outcome<void> {
  const { ids, offsets } = batch;
  if (!isTokenBatch(batch)) return refuse('invalid_value', 'must rise from 0 to the number of token ids', 'offsets');
  const texts = offsets.length - 1;
  if (texts > LIMITS.embeddingInputsMaxCount)
    return refuseBeyond({ path: 'input', limit: 'embeddingInputsMaxCount', value: texts, what: `has ${texts} texts` });
  for (let text = 0; text < texts; text++) {
    const tokens = offsets[text + 1]! - offsets[text]!;
    if (tokens > model.tokensMax)
      return refuseBeyond({
        path: ['input', text],
        limit: { bound: model.tokensMax },
        value: tokens,
        what: `has ${tokens} tokens of ${model.id}`,
      });
  }
  const at = firstUnknownId(ids, model.vocabularySize);
  if (at === -1) return ok(undefined);
  const text = offsets.findLastIndex((offset) => offset <= at);
  return refuse('invalid_value', `has token id ${ids[at]}; ${model.id} has 0 to ${model.vocabularySize - 1}`, ['input', text]);
}
