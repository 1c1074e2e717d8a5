import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import type { TextTokeniser, TokenisedText } from '../text/text-tokeniser.ts';
import { EMBEDDING_LIMITS } from '../../contract/embeddings/embedding-limits.ts';
import { outputFor, ownOutput, tooManyNumbers } from '../embedding-output.ts';
import { answerPort } from './answer-port.ts';
import type { Classes, Counted, EmbeddedTexts, InputType, Scores, TextOptions } from './model-calls.ts';
import type { Activation, ModelTask } from '../served-manifest.ts';
import type { TokenRunsParts } from './token-runs.ts';
import { TOKEN_INPUTS, TokenRuns } from './token-runs.ts';

/** A model that takes texts: its tokeniser, and its graph. */
export interface TextModelParts extends Omit<TokenRunsParts, 'padId' | 'answer' | 'output'> {
  readonly tokeniser: TextTokeniser;
}

/** Name of the output that answers texts. Refuses a graph that does not take tokens, or answers nothing. `at`: where the graph stands. */
export function answerOf(task: ModelTask, { inputs, outputs }: GraphFacts, at: FieldPath): Outcome<string> {
  if (task === 'graph') return refuse('invalid_value', 'takes no texts: its task is graph', at);
  const strange = inputs.find(({ name, type }) => !TOKEN_INPUTS.includes(name) || (type !== 'int64' && type !== 'int32'));
  if (strange !== undefined || !inputs.some(({ name }) => name === 'input_ids'))
    return refuse(
      'invalid_value',
      `has the inputs ${inputs.map(({ name }) => name).join(', ')}; of a model of texts they are input_ids and integers of ${TOKEN_INPUTS.slice(1).join(', ')}`,
      at,
    );
  const answer = answerPort(task, outputs);
  return answer === undefined ? refuse('invalid_value', 'answers nothing', at) : ok(answer.name);
}

/** What takes the texts of a registered model: the runtime by a tokeniser, or plain code. */
export type TextCalls = Pick<TextModel, 'embed' | 'score' | 'classify'>;

/** Texts to vectors, scores or classes. A text's answer depends on that text alone, not on the others of the call. [M56] */
export class TextModel {
  readonly #manifest: TextModelParts['manifest'];
  readonly #tokeniser: TextTokeniser;
  readonly #timer: TextModelParts['sharing']['timer'];
  readonly #runs: TokenRuns;
  /** Runs of texts whose token vectors are wanted. */
  readonly #tokenRuns: TokenRuns;

  private constructor(parts: TextModelParts, answer: string) {
    this.#manifest = parts.manifest;
    this.#tokeniser = parts.tokeniser;
    this.#timer = parts.sharing.timer;
    const common = { ...parts, padId: parts.tokeniser.padId, answer };
    this.#runs = new TokenRuns({ ...common, output: ownOutput(parts.manifest.task) });
    this.#tokenRuns = new TokenRuns({ ...common, output: 'tokens' });
  }

  /** Refuses as `answerOf` does. */
  static open(parts: TextModelParts, at: FieldPath): Outcome<TextModel> {
    const answer = answerOf(parts.manifest.task, parts.facts, at);
    return answer.ok ? ok(new TextModel(parts, answer.value)) : answer;
  }

  async embed(
    texts: readonly string[],
    inputType: InputType | undefined,
    { isTruncating = false, leftMs, output: asked }: TextOptions,
  ): Promise<Outcome<EmbeddedTexts>> {
    const output = outputFor('the model', this.#manifest, asked);
    if (!output.ok) return output;
    const { prompts, dimensions } = this.#manifest;
    const prompt = (inputType === undefined ? undefined : prompts[inputType]) ?? '';
    const isDense = output.value === 'dense';
    const perToken = output.value === 'tokens' ? { runs: this.#tokenRuns, numbersPerToken: dimensions } : {};
    const answer = await this.#rows(
      texts.map((text): [string] => [prompt + text]),
      { field: 'input', columns: isDense ? dimensions : undefined, isTruncating, leftMs, ...perToken },
    );
    if (!answer.ok) return answer;
    const { values: vectors, lengths, ...counted } = answer.value;
    return finite(isDense ? { vectors, ...counted } : { vectors, lengths, ...counted }, vectors);
  }

  async score(query: string, documents: readonly string[], { isTruncating = false, leftMs }: TextOptions): Promise<Outcome<Scores>> {
    const pairs = documents.map((document): [string, string] => [query, document]);
    const answer = await this.#rows(pairs, { field: 'documents', columns: 1, isTruncating, leftMs });
    if (!answer.ok) return answer;
    const { values: logits, ...counted } = answer.value;
    return finite({ scores: activate(logits, 1, this.#manifest.activation), ...counted }, logits);
  }

  async classify(texts: readonly string[], { isTruncating = false, leftMs }: TextOptions): Promise<Outcome<Classes>> {
    const { labels, activation } = this.#manifest;
    const answer = await this.#rows(
      texts.map((text): [string] => [text]),
      { field: 'input', columns: labels.length, isTruncating, leftMs },
    );
    if (!answer.ok) return answer;
    const { values: logits, ...counted } = answer.value;
    return finite({ labels, scores: activate(logits, labels.length, activation), ...counted }, logits);
  }

  /** Row-major. */
  async #rows(
    texts: readonly ([string] | [string, string])[],
    { field, columns, isTruncating, leftMs, runs = this.#runs, numbersPerToken = 0 }: RowsWanted,
  ): Promise<Outcome<Counted & { readonly values: Float32Array<ArrayBuffer>; readonly lengths: Int32Array<ArrayBuffer> }>> {
    const rows = await this.#tokenise(texts, field, isTruncating);
    if (!rows.ok) return rows;
    const numbers = numbersPerToken * rows.value.reduce((sum, { ids }) => sum + ids.length, 0);
    if (numbers > EMBEDDING_LIMITS.embeddingNumbersMaxCount) return tooManyNumbers(numbers, 'tokens');
    const ran = await runs.run(rows.value, leftMs);
    if (!ran.ok) return ran;
    const lengths = Int32Array.from(ran.value.rows, (row) => columns ?? row.length);
    const values = new Float32Array(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const [i, row] of ran.value.rows.entries()) {
      values.set(row, at);
      at += lengths[i] ?? 0;
    }
    return ok({ values, lengths, ...countsOf(rows.value), sharedTexts: ran.value.sharedTexts });
  }

  /** Others have their turn after some milliseconds of it: texts that are to be cut may be long. */
  async #tokenise(
    texts: readonly ([string] | [string, string])[],
    field: string,
    isTruncating: boolean,
  ): Promise<Outcome<TokenisedText[]>> {
    const tokeniser = this.#tokeniser;
    const { tokensMax } = this.#manifest;
    if (texts.length > MODEL_LIMITS.modelTextsMaxCount)
      return refuseBeyond({ path: field, limit: 'modelTextsMaxCount', value: texts.length, what: `has ${texts.length} texts` });
    const rows: TokenisedText[] = [];
    let [tokens, charsOfTurn] = [0, 0];
    for (const [i, [text, second]] of texts.entries()) {
      charsOfTurn += text.length + (second?.length ?? 0);
      if (charsOfTurn > TURN_CHARS && i > 0) {
        charsOfTurn = 0;
        await new Promise<void>((resolve) => void this.#timer.after(0, resolve));
      }
      const row = tokeniser.encode(text, second, { tokensMax, isTruncating, at: [field, i] });
      if (!row.ok) return row;
      if (row.value.ids.length === 0) return refuse('invalid_value', 'has no token', [field, i]);
      tokens += row.value.ids.length;
      if (tokens > MODEL_LIMITS.modelCallTokensMax)
        return refuseBeyond({ path: field, limit: 'modelCallTokensMax', value: tokens, what: `has ${tokens} tokens, or more` });
      rows.push(row.value);
    }
    return ok(rows);
  }
}

/** Characters that are tokenised until others have their turn. */
const TURN_CHARS = 32_768;

interface RowsWanted {
  /** What the request calls the texts. */
  readonly field: string;
  /** Numbers of each row; undefined: as many as it has. */
  readonly columns: number | undefined;
  /** Absent: those of the model's own output. */
  readonly runs?: TokenRuns;
  /** Of rows that have some for each token. */
  readonly numbersPerToken?: number;
  readonly isTruncating: boolean;
  readonly leftMs: number | undefined;
}

/** Scores of rows of `columns` numbers, as a model's last layer answers them. */
function activate(logits: Float32Array, columns: number, activation: Activation): Float32Array<ArrayBuffer> {
  if (activation === 'none') return Float32Array.from(logits);
  if (activation === 'sigmoid') return Float32Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
  const scores = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += columns) {
    const row = logits.subarray(start, start + columns);
    // The largest is taken off first, so that no power overflows.
    const most = row.reduce((max, x) => Math.max(max, x), -Infinity);
    const powers = Array.from(row, (x) => Math.exp(x - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    for (const [i, power] of powers.entries()) scores[start + i] = power / sum;
  }
  return scores;
}

function countsOf(rows: readonly TokenisedText[]): Pick<Counted, 'tokens' | 'cutTokens'> {
  const tokens = Int32Array.from(rows, ({ ids }) => ids.length);
  const cutTokens = Int32Array.from(rows, (row) => row.cutTokens);
  return cutTokens.some((count) => count > 0) ? { tokens, cutTokens } : { tokens };
}

/** Vectors and scores are numbers: an index would keep NaN for good. */
const finite = <T>(answer: T, values: Float32Array): Outcome<T> =>
  values.every((value) => Number.isFinite(value))
    ? ok(answer)
    : refuse('invalid_value', 'the model answers numbers that are not finite', 'model');
