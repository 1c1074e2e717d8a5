import type { Outcome } from '../../contract/api/outcome.ts';
import type { EmbeddingInput } from '../../contract/embeddings/embeddings.ts';
import type { TokenIds } from '../../contract/embeddings/token-ids.ts';
import type { TokenTexts } from '../../inference/text/token-texts.ts';
import { meantEncoding } from '../../inference/text/token-texts.ts';
import { ok } from '../../kernel/result.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import type { TokenInput } from '../../upstreams/protocol/token-input.ts';

/** A call for embeddings with texts in place of token ids. */
export interface TextInput {
  readonly body: JsonObject;
  /** What the caller has sent in place of the texts; absent: texts, or ids of the model's own. */
  readonly tokenInput?: TokenInput;
}

/**
 * The body of a call for embeddings as everything sees it: guardrails, bounds, caches and logs judge the texts that ids stand for. [U220] Refuses as
 * `TokenTexts.inputOf`. What is no input of OpenAI's stays for the upstream to judge.
 */
export async function textInput(texts: Pick<TokenTexts, 'inputOf'>, body: JsonObject): Promise<Outcome<TextInput>> {
  const { token_ids: stated, ...rest } = body;
  const { input } = rest;
  const model = String(rest['model']);
  const says = { model, token_ids: stated as TokenIds | undefined };
  const encoding = meantEncoding(says);
  if (encoding === undefined || !isIds(input)) return ok({ body: rest });
  const read = await texts.inputOf({ ...says, input });
  return read.ok ? ok({ body: { ...rest, input: read.value }, tokenInput: { ids: input, texts: read.value, encoding } }) : read;
}

const isIds = (input: unknown): input is Extract<EmbeddingInput, number[] | number[][]> =>
  Array.isArray(input) &&
  input.length > 0 &&
  (input.every(isId) || input.every((ids) => Array.isArray(ids) && ids.length > 0 && ids.every(isId)));

const isId = (value: unknown): value is number => Number.isSafeInteger(value);
