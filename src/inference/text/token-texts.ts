import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { EMBEDDING_LIMITS } from '../../contract/embeddings/embedding-limits.ts';
import type { EmbeddingInput } from '../../contract/embeddings/embeddings.ts';
import type { TokenIds } from '../../contract/embeddings/token-ids.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { EncodingName, TokenEncoding } from './token-encoding.ts';
import { encodingOf } from './token-encoding.ts';

/** What a request says that bears on its token ids. */
export interface TokenRequest {
  readonly input: EmbeddingInput;
  /** As the caller names it: its client chose the encoding by that name. */
  readonly model: string;
  /** What the ids are, where the caller says so. */
  readonly token_ids?: TokenIds | undefined;
}

/** The encoding whose ids a request has; undefined: they are of the model's own vocabulary. [M114] */
export const meantEncoding = ({ model, token_ids: stated }: Omit<TokenRequest, 'input'>): EncodingName | undefined =>
  stated === 'model' ? undefined : (stated ?? encodingOf(model));

/** Reads token ids as the texts that clients have made them of. [M114] */
export class TokenTexts {
  readonly #load: (name: EncodingName) => Promise<Outcome<TokenEncoding>>;

  /** `load`: gets an encoding whose file is read at its first use. */
  constructor(load: (name: EncodingName) => Promise<Outcome<TokenEncoding>>) {
    this.#load = load;
  }

  /**
   * The input with a text in place of each list of ids; texts, and ids of the model's own vocabulary, stay as they are. Refuses an id that is no
   * token's by its place, texts that are too long, and with `unavailable` while the encoding cannot be read.
   */
  async inputOf(request: TokenRequest): Promise<Outcome<EmbeddingInput>> {
    const { input } = request;
    const name = meantEncoding(request);
    if (name === undefined || !hasIds(input)) return ok(input);
    const encoding = await this.#load(name);
    if (!encoding.ok) return encoding;
    const isOne = isIds(input);
    const texts: string[] = [];
    let bytes = 0;
    for (const [row, ids] of (isOne ? [input] : input).entries()) {
      const path = isOne ? ['input'] : ['input', row];
      const size = bytesIn(encoding.value, ids, path);
      if (!size.ok) return size;
      bytes += size.value;
      // Ids of long tokens are much smaller than their texts, which were bounded by the body otherwise.
      if (bytes > API_LIMITS.jsonBodyBytesMax)
        return refuseBeyond({ path: 'input', limit: 'jsonBodyBytesMax', value: bytes, what: `stands for at least ${bytes} bytes of text` });
      const text = encoding.value.decode(ids);
      const { length } = text;
      if (length > EMBEDDING_LIMITS.embeddingTextCharsMax)
        return refuseBeyond({ path, limit: 'embeddingTextCharsMax', value: length, what: `stands for ${length} characters` });
      texts.push(text);
    }
    return ok(isOne ? (texts[0] ?? '') : texts);
  }
}

const hasIds = (input: EmbeddingInput): input is number[] | number[][] => typeof input !== 'string' && typeof input[0] !== 'string';
const isIds = (input: number[] | number[][]): input is number[] => typeof input[0] === 'number';

function bytesIn(encoding: TokenEncoding, ids: readonly number[], path: FieldPath): Outcome<number> {
  let bytes = 0;
  for (const [at, id] of ids.entries()) {
    const token = encoding.bytesOf(id);
    if (token === undefined) return noToken(encoding, id, [...path, at]);
    bytes += token.length;
  }
  return ok(bytes);
}

const ADVICE = 'say in token_ids whose ids these are';

/** [M115] */
function noToken({ name, idMax }: TokenEncoding, id: number, path: FieldPath) {
  if (id <= idMax) return refuse('invalid_value', `is ${id}, which is no token of ${name}: ${ADVICE}`, path);
  return refuseBeyond({ path, limit: { bound: idMax }, value: id, what: `is ${id}, a larger id than any of ${name}`, advice: ADVICE });
}
