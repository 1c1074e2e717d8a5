import { EMBEDDING_LIMITS } from '../contract/embeddings/embedding-limits.ts';
import { MODEL_LIMITS } from '../contract/models/model-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { ok } from '../kernel/result.ts';
import type { ModelManifest } from './model-manifest.ts';

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
function isTokenBatch({ ids, offsets }: TokenBatch): boolean {
  if (offsets[0] !== 0 || offsets.at(-1) !== ids.length) return false;
  for (let i = 1; i < offsets.length; i++) if (offsets[i]! < offsets[i - 1]!) return false;
  return true;
}

/** Position of the first id outside `[0, vocabularySize)`, or -1. */
export function firstUnknownId(ids: Int32Array, vocabularySize: number): number {
  for (let i = 0; i < ids.length; i++) if (ids[i]! < 0 || ids[i]! >= vocabularySize) return i;
  return -1;
}

/** Whether texts of so many words are within what `model` takes; a refusal names the text at fault as `input[i]`. */
export function checkWords(model: ModelManifest, words: ArrayLike<number>): Outcome<void> {
  for (let text = 0; text < words.length; text++) {
    const value = words[text]!;
    if (value <= model.tokensMax) continue;
    const what = `has ${value} tokens of ${model.id}`;
    return refuseBeyond({ path: ['input', text], limit: { bound: model.tokensMax }, value, what });
  }
  return ok(undefined);
}

/** Whether `model` can embed `batch`; a refusal names the text at fault as `input[i]`. */
export function checkTokenBatch(model: ModelManifest, batch: TokenBatch): Outcome<void> {
  const { ids, offsets } = batch;
  if (!isTokenBatch(batch)) return refuse('invalid_value', 'must rise from 0 to the number of token ids', 'offsets');
  const texts = offsets.length - 1;
  if (texts > EMBEDDING_LIMITS.embeddingInputsMaxCount)
    return refuseBeyond({ path: 'input', limit: 'embeddingInputsMaxCount', value: texts, what: `has ${texts} texts` });
  for (let text = 0; text < texts; text++) {
    const tokens = offsets[text + 1]! - offsets[text]!;
    if (tokens > MODEL_LIMITS.onnxRunTokensMax)
      return refuseBeyond({ path: ['input', text], limit: 'onnxRunTokensMax', value: tokens, what: `has ${tokens} token ids` });
  }
  const at = firstUnknownId(ids, model.vocabularySize);
  if (at === -1) return ok(undefined);
  const text = offsets.findLastIndex((offset) => offset <= at);
  return refuse('invalid_value', `has token id ${ids[at]}; ${model.id} has 0 to ${model.vocabularySize - 1}`, ['input', text]);
}
