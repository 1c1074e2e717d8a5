import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { MODEL_LIMITS } from '../../../contract/models/model-limits.ts';
import { ok } from '../../../kernel/result.ts';
import type { ByteStrings } from './build-double-array.ts';
import { batchesIn } from './json-batches.ts';
import type { JsonSpan } from './json-spans.ts';
import { pieceBytes } from './piece-model.ts';

/** The pieces of a tokenizer's model, as bytes of UTF-8. */
export interface Vocabulary extends ByteStrings {
  /** Of each piece. */
  readonly ids: Uint32Array;
  /** Of each piece of a unigram model, the logarithm of its probability; empty for others. */
  readonly scores: Float64Array;
}

/** SentencePiece makes no piece of more than 16 characters; each position of a text is tried with as many lengths. */
const PIECE_CHARS_MAX = 32;
const TOKEN_CHARS_MAX = 256;

/**
 * The entries of `model.vocab`: a list of pieces with their scores (unigram), else an object of ids by token. Refuses what is neither, a piece that is
 * too long or is no Unicode text, and more than `tokeniserVocabularyMaxCount`. Yields after each some thousand entries. [M57]
 */
export function* readVocabulary(
  bytes: Uint8Array,
  span: JsonSpan,
  isUnigram: boolean,
  at: FieldPath,
): Generator<void, Outcome<Vocabulary>> {
  const pieces = new PieceList(isUnigram, at);
  const batches = batchesIn(bytes, span);
  for (let batch = batches.next(); ; batch = batches.next()) {
    if (batch.done === true) return batch.value ? pieces.vocabulary() : refuse('invalid_value', 'is no JSON in UTF-8', at);
    const added = pieces.add(batch.value);
    if (!added.ok) return added;
    yield;
  }
}

/**
 * A number as the reference library reads it (serde_json): its digits as a whole number, divided by a power of ten, which may miss the nearest number by
 * the last bit. Of two ways through a word that are as likely, such as "a|aa" and "aa|a", that bit decides.
 */
function asReadByReference(score: number): number {
  const [digits = '0', exponent = '0'] = String(Math.abs(score)).split('e');
  const [whole = '0', fraction = ''] = digits.split('.');
  const power = Number(exponent) - fraction.length;
  const read = power < 0 ? Number(whole + fraction) / 10 ** -power : Number(whole + fraction) * 10 ** power;
  return score < 0 ? -read : read;
}

/** An id is an index of arrays: one far beyond the vocabulary would make them as long. */
export const isTokenId = (id: unknown): id is number =>
  Number.isInteger(id) && Number(id) >= 0 && Number(id) < 2 * MODEL_LIMITS.tokeniserVocabularyMaxCount;

/** No lone surrogate, which has no UTF-8. */
const isPieceText = (text: unknown, charsMax: number): text is string =>
  typeof text === 'string' && text.length <= charsMax && !/\p{Surrogate}/u.test(text);

class PieceList {
  readonly #isUnigram: boolean;
  readonly #at: FieldPath;
  #bytes = new Uint8Array(64 * 1024);
  #length = 0;
  readonly #starts: number[] = [0];
  readonly #ids: number[] = [];
  readonly #scores: number[] = [];

  constructor(isUnigram: boolean, at: FieldPath) {
    this.#isUnigram = isUnigram;
    this.#at = at;
  }

  /** Adds a part of `model.vocab`. */
  add(entries: unknown): Outcome<void> {
    if (Array.isArray(entries) !== this.#isUnigram)
      return refuse('invalid_value', this.#isUnigram ? 'is no list' : 'is no object', this.#at);
    return this.#isUnigram ? this.#addScored(entries as unknown[]) : this.#addTokens(entries as Record<string, unknown>);
  }

  #addScored(pieces: readonly unknown[]): Outcome<void> {
    for (const piece of pieces) {
      const [text, score] = Array.isArray(piece) ? (piece as unknown[]) : [];
      if (!isPieceText(text, PIECE_CHARS_MAX) || !Number.isFinite(score))
        return refuse('invalid_value', `is no piece of at most ${PIECE_CHARS_MAX} characters with its score`, [
          ...this.#at,
          this.#ids.length,
        ]);
      this.#scores.push(asReadByReference(Number(score)));
      this.#add(text, this.#ids.length);
    }
    return this.#checkCount();
  }

  #addTokens(tokens: Readonly<Record<string, unknown>>): Outcome<void> {
    for (const [text, id] of Object.entries(tokens)) {
      if (!isTokenId(id)) return refuse('invalid_value', 'holds what is no token id', this.#at);
      if (!isPieceText(text, TOKEN_CHARS_MAX))
        return refuse('invalid_value', `holds what is no token of at most ${TOKEN_CHARS_MAX} characters`, this.#at);
      this.#add(text, id);
    }
    return this.#checkCount();
  }

  vocabulary(): Outcome<Vocabulary> {
    if (this.#ids.length === 0) return refuse('invalid_value', 'is empty', this.#at);
    return ok({
      bytes: this.#bytes.subarray(0, this.#length),
      starts: Uint32Array.from(this.#starts),
      ids: Uint32Array.from(this.#ids),
      scores: Float64Array.from(this.#scores),
    });
  }

  #add(text: string, id: number): void {
    if (this.#length + 3 * text.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const bytes = pieceBytes(text);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#starts.push(this.#length);
    this.#ids.push(id);
  }

  #checkCount(): Outcome<void> {
    const value = this.#ids.length;
    if (value <= MODEL_LIMITS.tokeniserVocabularyMaxCount) return ok(undefined);
    return refuseBeyond({ path: this.#at, limit: 'tokeniserVocabularyMaxCount', value, what: `has ${value} tokens, or more` });
  }
}
