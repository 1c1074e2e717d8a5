import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Tokeniser, TokenisedText } from '../embedding-model.ts';
import type { StaticTable } from '../static/static-model.ts';
import { readOnnxFile } from '../onnx/onnx-file.ts';
import { readStaticTable, STATIC_TABLE_NAMES, TableEncoder, tokeniserOf } from '../static/static-model.ts';
import { tokenBatch } from '../token-batch.ts';
import type { GraphRunner } from '../graph-runner.ts';
import type { EmbeddedTexts, InputType, TextOptions } from './model-calls.ts';
import type { ModelReading } from '../served-manifest.ts';
import { TOKENISER_FILE } from './contract-hash.ts';
import { outputFor } from '../embedding-output.ts';
import { promptOf } from './text-chunks.ts';
import type { TextCalls } from './text-model.ts';

/**
 * How a static model is used, as its file says: it is all that its folder needs. Undefined: the file is none. Refuses a file that has the words of one and no
 * table that is served. [M94] [M120]
 */
export function readStaticPart(
  file: Uint8Array<ArrayBuffer>,
  at: FieldPath,
): Outcome<Pick<ModelReading, 'task' | 'tokensMax' | 'dimensions' | 'isNormalised'> | undefined> {
  const onnx = readOnnxFile(file);
  if (!onnx.ok || !onnx.value.metadata.has(STATIC_TABLE_NAMES.vocabulary)) return ok(undefined);
  const table = readStaticTable(file);
  if (!table.ok) return refuse('invalid_value', `has the words of a static model, and no table that is served: ${table.error.reason}`, at);
  return ok({ task: 'embedding', tokensMax: MODEL_LIMITS.modelTokensMax, dimensions: table.value.dimensions, isNormalised: true });
}

/** The texts of a registered static model: plain code, as the default model is served, and no runtime. [M94] */
export class StaticTexts implements TextCalls {
  readonly #reading: ModelReading;
  readonly #tokeniser: Tokeniser;
  readonly #encoder: TableEncoder;

  private constructor(reading: ModelReading, tokeniser: Tokeniser, table: StaticTable) {
    this.#reading = reading;
    this.#tokeniser = tokeniser;
    this.#encoder = new TableEncoder(table);
  }

  /** Refuses a file that is no static model, or of other dimensions. `at`: where the file stands. The file must not change. */
  static open(reading: ModelReading, file: Uint8Array<ArrayBuffer>, at: FieldPath): Outcome<StaticTexts> {
    const table = readStaticTable(file);
    if (!table.ok)
      return refuse('invalid_value', `is no static model (${table.error.reason}), and the folder has no ${TOKENISER_FILE}`, at);
    const { dimensions, scales, tokeniser: rules } = table.value;
    if (dimensions !== reading.dimensions)
      return refuse('invalid_value', `is ${reading.dimensions}; the table has ${dimensions}`, 'dimensions');
    const tokeniser = tokeniserOf(table.value);
    if (tokeniser === undefined) {
      const what =
        rules === undefined ? 'words that collide' : `words that collide, or a tokeniser that is not known (${JSON.stringify(rules)})`;
      return refuse('invalid_value', `has ${what}`, at);
    }
    if (tokeniser.vocabularySize !== scales.length)
      return refuse('invalid_value', `has ${scales.length} rows for a vocabulary of ${tokeniser.vocabularySize}`, at);
    return ok(new StaticTexts(reading, tokeniser, table.value));
  }

  embed(
    texts: readonly string[],
    inputType: InputType | undefined,
    { isTruncating = false, output: asked }: TextOptions,
  ): Promise<Outcome<EmbeddedTexts>> {
    const output = outputFor('the model', this.#reading, asked);
    if (!output.ok) return Promise.resolve(output);
    return Promise.resolve(this.#embed(texts, promptOf(this.#reading, inputType), isTruncating));
  }

  score(): Promise<Outcome<never>> {
    return Promise.resolve(refuse('invalid_value', 'is a static model: it only embeds', 'model'));
  }

  classify(): Promise<Outcome<never>> {
    return this.score();
  }

  #embed(texts: readonly string[], prompt: string, isTruncating: boolean): Outcome<EmbeddedTexts> {
    if (texts.length > MODEL_LIMITS.modelTextsMaxCount)
      return refuseBeyond({ path: 'input', limit: 'modelTextsMaxCount', value: texts.length, what: `has ${texts.length} texts` });
    const rows: TokenisedText[] = [];
    for (const [i, text] of texts.entries()) {
      const { tokensMax } = this.#reading;
      const row = this.#tokeniser.tokenise(prompt + text, isTruncating ? tokensMax : Infinity);
      if (row.words > tokensMax)
        return refuseBeyond({ path: ['input', i], limit: { bound: tokensMax }, value: row.words, what: `has ${row.words} tokens` });
      rows.push(row);
    }
    const vectors = this.#encoder.embed(tokenBatch(rows.map(({ ids }) => ids)));
    const cutTokens = Int32Array.from(rows, ({ cutWords }) => cutWords);
    const counted = { tokens: Int32Array.from(rows, ({ words }) => words), sharedTexts: 0 };
    return ok({ vectors, ...counted, ...(cutTokens.some((count) => count > 0) ? { cutTokens } : {}) });
  }
}

/** What runs the graph of a static model: nothing, since plain code embeds its texts. */
export const NO_RUNNER: GraphRunner = {
  run: () => Promise.resolve(refuse('invalid_value', 'is a static model: it takes texts, and no tensors', 'model')),
  release: () => Promise.resolve(),
  isLost: false,
};
