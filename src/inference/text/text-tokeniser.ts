import { Tokenizer } from '@huggingface/tokenizers';

import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import { checkTokeniser } from './check-tokeniser.ts';
import type { JsonRecord } from './config-json.ts';
import { readConfigJson } from './config-json.ts';

/** What a graph reads of a text, or of two in a row. */
export interface TokenisedText {
  readonly ids: readonly number[];
  /** Zero for the first text, one for the second. */
  readonly types: readonly number[];
}

export interface EncodeOptions {
  readonly tokensMax: number;
  /** Cuts what is too long at its end, before the special tokens; of two texts, the second. */
  readonly isTruncating: boolean;
  readonly at: FieldPath;
}

/** Texts to tokens as the `tokenizer.json` of a model says, special tokens included. */
export class TextTokeniser {
  readonly #tokenizer: Tokenizer;
  /** For padding, which no answer depends on. */
  readonly padId: number;
  /** Tokens of a text without characters. */
  readonly #special: TokenisedText;

  private constructor(tokenizer: Tokenizer, padId: number) {
    this.#tokenizer = tokenizer;
    this.padId = padId;
    this.#special = this.#encode('', undefined);
  }

  /** `at`: where the model's files stand in the request. [M57] */
  static open(tokenizerJson: Uint8Array, configJson: Uint8Array | undefined, at: FieldPath): Outcome<TextTokeniser> {
    const place = [...at, 'tokenizer.json'];
    const json = readConfigJson(tokenizerJson, place, 'tokeniserBytesMax');
    if (!json.ok) return json;
    const config = configJson === undefined ? ok<JsonRecord>({}) : readConfigJson(configJson, [...at, 'tokenizer_config.json']);
    if (!config.ok) return config;
    const checked = checkTokeniser(json.value, place);
    if (!checked.ok) return checked;
    const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [], ...json.value, decoder: null };
    try {
      const tokenizer = new Tokenizer(parts, config.value);
      const pad = config.value['pad_token'];
      const padId = tokenizer.token_to_id(typeof pad === 'string' ? pad : '[PAD]') ?? 0;
      const opened = new TextTokeniser(tokenizer, padId);
      // Every component runs once, on a text of several scripts.
      opened.#encode('Probe 1, é 日本語', 'second');
      return ok(opened);
    } catch (error) {
      return refuse('invalid_value', `cannot be used: ${error instanceof Error ? error.message : String(error)}`, place);
    }
  }

  /** A text, or a pair of texts, as one row of a graph's input. Refuses, or cuts, what has more tokens than the model takes. */
  encode(text: string, second: string | undefined, { tokensMax, isTruncating, at }: EncodeOptions): Outcome<TokenisedText> {
    const charsMax = tokensMax * MODEL_LIMITS.modelCharsPerToken;
    const chars = text.length + (second?.length ?? 0);
    if (chars > charsMax && !isTruncating)
      return refuseBeyond({ path: at, limit: { bound: charsMax }, value: chars, what: `has ${chars} characters` });
    const [first, next] = isTruncating ? [text.slice(0, charsMax), second?.slice(0, Math.max(0, charsMax - text.length))] : [text, second];
    let whole: TokenisedText;
    try {
      whole = this.#encode(first, next);
    } catch (error) {
      return refuse('invalid_value', `cannot be tokenised: ${error instanceof Error ? error.message : String(error)}`, at);
    }
    if (!whole.ids.every((id) => Number.isInteger(id)))
      return refuse('invalid_value', 'holds a character that the vocabulary of the model has no token for', at);
    if (whole.ids.length <= tokensMax) return ok(whole);
    if (!isTruncating)
      return refuseBeyond({ path: at, limit: { bound: tokensMax }, value: whole.ids.length, what: `has ${whole.ids.length} tokens` });
    return ok(this.#cut(whole, tokensMax));
  }

  /** Keeps the special tokens at the end: the last ones of a text without characters. */
  #cut({ ids, types }: TokenisedText, tokensMax: number): TokenisedText {
    const closing = Math.min(Math.floor(this.#special.ids.length / 2), tokensMax);
    const kept = tokensMax - closing;
    const end = ids.length - closing;
    return { ids: [...ids.slice(0, kept), ...ids.slice(end)], types: [...types.slice(0, kept), ...types.slice(end)] };
  }

  #encode(text: string, second: string | undefined): TokenisedText {
    const { ids, token_type_ids: types } = this.#tokenizer.encode(text, {
      ...(second === undefined ? {} : { text_pair: second }),
      return_token_type_ids: true,
    });
    return { ids, types: types ?? ids.map(() => 0) };
  }
}
