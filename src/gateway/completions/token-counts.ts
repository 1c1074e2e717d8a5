import type { Outcome } from '../../contract/api/outcome.ts';
import type { EncodingName, TokenEncoding } from '../../inference/text/token-encoding.ts';
import { encodingOf } from '../../inference/text/token-encoding.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { CountableText } from '../../upstreams/money/countable-text.ts';
import type { TargetModel } from '../../upstreams/target.ts';

/** Counts tokens of which an upstream has reported nothing, by the encoding that the name of its model says. */
export class TokenCounts {
  readonly #load: (name: EncodingName) => Promise<Outcome<TokenEncoding>>;

  /** `load`: gets an encoding whose file is read at its first use. */
  constructor(load: (name: EncodingName) => Promise<Outcome<TokenEncoding>>) {
    this.#load = load;
  }

  /** Of what an answer has said: where the encoding cannot be loaded, by its bytes. */
  async count({ upstreamName, bytesPerToken }: TargetModel, text: CountableText): Promise<number> {
    if (text.chars === 0) return 0;
    const encoding = await this.#load(encodingOf(upstreamName)).catch(() => undefined);
    return text.tokens(encoding?.ok === true ? (block) => encoding.value.count(block) : (block) => utf8(block).byteLength / bytesPerToken);
  }
}
