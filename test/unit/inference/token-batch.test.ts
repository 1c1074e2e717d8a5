import { expect, it } from 'vitest';
import { EMBEDDING_LIMITS } from '../../../src/contract/embeddings/embedding-limits.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { checkTokenBatch, checkWords, tokenBatch } from '../../../src/inference/token-batch.ts';
import { manifestOf } from '../../support/fixtures/default-model.ts';
import { faultOf } from '../../support/fixtures/fault-of.ts';

const model = manifestOf('onnx');
const texts = (...lengths: number[]) => tokenBatch(lengths.map((length) => new Int32Array(length).fill(1)));

it.each([
  ['no text', texts()],
  ['empty texts', texts(0, 0)],
  ['the longest text', texts(MODEL_LIMITS.onnxRunTokensMax)],
  ['the most texts', texts(...Array<number>(EMBEDDING_LIMITS.embeddingInputsMaxCount).fill(1))],
  ['the last id', tokenBatch([Int32Array.of(0, model.vocabularySize - 1)])],
])('[M13] accepts %s', (_, batch) => {
  expect(checkTokenBatch(model, batch).ok).toBe(true);
});

it.each([
  ['one token id too many', texts(1, MODEL_LIMITS.onnxRunTokensMax + 1), 'limit_exceeded', 'input[1]'],
  ['one text too many', texts(...Array<number>(EMBEDDING_LIMITS.embeddingInputsMaxCount + 1).fill(1)), 'limit_exceeded', 'input'],
  ['an id outside the vocabulary', tokenBatch([new Int32Array(0), Int32Array.of(1, model.vocabularySize)]), 'invalid_value', 'input[1]'],
  ['a negative id', tokenBatch([Int32Array.of(1), new Int32Array(0), Int32Array.of(-1)]), 'invalid_value', 'input[2]'],
  ['decreasing offsets', { ids: new Int32Array(2), offsets: Int32Array.of(0, 2, 1, 2) }, 'invalid_value', 'offsets'],
  ['offsets that start late', { ids: new Int32Array(2), offsets: Int32Array.of(1, 2) }, 'invalid_value', 'offsets'],
  ['offsets that end early', { ids: new Int32Array(2), offsets: Int32Array.of(0, 1) }, 'invalid_value', 'offsets'],
  ['no offsets', { ids: new Int32Array(0), offsets: new Int32Array(0) }, 'invalid_value', 'offsets'],
])('[M13] refuses %s', (_, batch, code, param) => {
  expect(faultOf(checkTokenBatch(model, batch))).toMatchObject({ code, param });
});

it('[M13] refuses a text of one word too many, naming it', () => {
  expect(checkWords(model, [1, model.tokensMax]).ok).toBe(true);
  expect(faultOf(checkWords(model, [1, model.tokensMax + 1]))).toMatchObject({ code: 'limit_exceeded', param: 'input[1]' });
});
