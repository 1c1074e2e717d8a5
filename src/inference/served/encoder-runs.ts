import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { EncoderEngine } from '../encoder/encoder-engine.ts';
import type { EncoderShape } from '../encoder/encoder-source.ts';
import type { Pooling } from '../served-manifest.ts';
import type { TokenRow } from '../text/text-tokeniser.ts';
import { firstUnknownId, tokenBatch } from '../token-batch.ts';
import type { EmbeddingOutput } from '../embedding-output.ts';
import { tokenRows } from './answer-rows.ts';
import { poolVectors } from './pool-vectors.ts';

export interface EncoderRunsParts {
  readonly engine: Pick<EncoderEngine, 'run' | 'shape'>;
  readonly pooling: Exclude<Pooling, 'none'>;
  readonly isNormalised: boolean;
  /** Whether the graph reads which text of a pair a token is of. */
  readonly takesTypes: boolean;
}

/** The texts of a model that the encoder engine computes: end to end without padding, so that a text costs what its own tokens do. */
export class EncoderRuns {
  readonly #parts: EncoderRunsParts;

  constructor(parts: EncoderRunsParts) {
    this.#parts = parts;
  }

  get shape(): EncoderShape {
    return this.#parts.engine.shape;
  }

  /** A vector a text, in their order, or the vectors of its tokens (`output`). Refuses tokens that the tables have no row for. [M56] */
  async run(texts: readonly TokenRow[], output: EmbeddingOutput = 'dense'): Promise<Outcome<Float32Array<ArrayBuffer>[]>> {
    const { engine, pooling, isNormalised, takesTypes } = this.#parts;
    const { hidden, vocabulary, types: typeRows } = engine.shape;
    const batch = tokenBatch(texts.map(({ ids }) => Int32Array.from(ids)));
    const types = takesTypes ? Int32Array.from(texts.flatMap((text) => [...text.types])) : undefined;
    if (firstUnknownId(batch.ids, vocabulary) !== -1) return refuse('invalid_value', 'has a token that the table of words has no row for');
    if (types !== undefined && firstUnknownId(types, typeRows) !== -1)
      return refuse('invalid_value', 'has a token of a type that the table of types has no row for');
    const vectors: Float32Array<ArrayBuffer>[] = [];
    await engine.run({ ...batch, ...(types === undefined ? {} : { types }) }, (text, data) => {
      const tokens = data.length / hidden;
      vectors[text] =
        output === 'tokens'
          ? tokenRows(data, hidden, isNormalised)
          : poolVectors({ data, tokens, dimensions: hidden, lengths: [tokens] }, pooling, isNormalised);
    });
    return ok(vectors);
  }
}
