import type { FieldPath } from '../../contract/field-path.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseBeyond } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import { lengthBuckets } from '../onnx-encoder.ts';
import type { TextTokeniser, TokenisedText } from '../text/text-tokeniser.ts';
import type { GraphRunner } from './graph-runner.ts';
import type { Classes, EmbeddedTexts, InputType, Scores, TextOptions } from './model-calls.ts';
import { poolVectors } from './pool-vectors.ts';
import type { Activation, ServedManifest } from './served-manifest.ts';
import type { NamedTensor, TensorPort } from './tensor.ts';

/** A model that takes texts: its tokeniser, and its graph. */
export interface TextModelParts {
  readonly manifest: ServedManifest;
  readonly tokeniser: TextTokeniser;
  readonly facts: GraphFacts;
  readonly runner: GraphRunner;
}

/** What graphs call the tokens of texts: their ids, which are not padding, which text of a pair they are of, and where they stand. */
const TOKEN_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'];
/** What graphs call their answers, the one that is meant first. */
const ANSWERS = {
  embedding: ['last_hidden_state', 'token_embeddings', 'sentence_embedding'],
  'cross-encoder': ['logits'],
  classifier: ['logits'],
} as const;

/** Texts to vectors, scores or classes. A text's answer depends on that text alone, not on the others of the call. [M56] */
export class TextModel {
  readonly #parts: TextModelParts;
  readonly #answer: string;

  private constructor(parts: TextModelParts, answer: string) {
    this.#parts = parts;
    this.#answer = answer;
  }

  /** Refuses a graph that does not take tokens, or whose answer is not what the task needs. `at`: where the graph stands. */
  static open(parts: TextModelParts, at: FieldPath): Outcome<TextModel> {
    const { facts, manifest } = parts;
    if (manifest.task === 'graph') return refuse('invalid_value', 'takes no texts: its task is graph', at);
    const strange = facts.inputs.find(({ name, type }) => !TOKEN_INPUTS.includes(name) || (type !== 'int64' && type !== 'int32'));
    if (strange !== undefined || !facts.inputs.some(({ name }) => name === 'input_ids'))
      return refuse(
        'invalid_value',
        `has the inputs ${facts.inputs.map(({ name }) => name).join(', ')}; of a model of texts they are input_ids and integers of ${TOKEN_INPUTS.slice(1).join(', ')}`,
        at,
      );
    const names = facts.outputs.map(({ name }) => name);
    const answer = ANSWERS[manifest.task].find((name) => names.includes(name)) ?? names[0];
    return answer === undefined ? refuse('invalid_value', 'answers nothing', at) : ok(new TextModel(parts, answer));
  }

  async embed(
    texts: readonly string[],
    inputType: InputType | undefined,
    { isTruncating = false }: TextOptions,
  ): Promise<Outcome<EmbeddedTexts>> {
    const { prompts, dimensions, pooling, isNormalised } = this.#parts.manifest;
    const prompt = (inputType === undefined ? undefined : prompts[inputType]) ?? '';
    const rows = this.#tokenise(
      texts.map((text): [string] => [prompt + text]),
      'input',
      isTruncating,
    );
    if (!rows.ok) return rows;
    const vectors = new Float32Array(texts.length * dimensions);
    const ran = await this.#run(rows.value, ({ data, shape }, of, tokens) => {
      const width = shape.at(-1);
      const isPooled = shape.length === 2 && pooling === 'none';
      if (width !== dimensions || !(isPooled || (shape.length === 3 && shape[1] === tokens && pooling !== 'none'))) return false;
      const lengths = of.map((row) => rows.value[row]!.ids.length);
      const pooled = pooling === 'none' ? data : poolVectors({ data, tokens, dimensions, lengths }, pooling, isNormalised);
      for (const [i, row] of of.entries()) vectors.set(pooled.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
      return true;
    });
    return ran.ok ? finite({ vectors, tokens: tokenCounts(rows.value) }, vectors) : ran;
  }

  async score(query: string, documents: readonly string[], { isTruncating = false }: TextOptions): Promise<Outcome<Scores>> {
    const pairs = documents.map((document): [string, string] => [query, document]);
    const answer = await this.#columns(pairs, 'documents', 1, isTruncating);
    if (!answer.ok) return answer;
    const { logits, tokens } = answer.value;
    return finite({ scores: activate(logits, 1, this.#parts.manifest.activation), tokens }, logits);
  }

  async classify(texts: readonly string[], { isTruncating = false }: TextOptions): Promise<Outcome<Classes>> {
    const { labels, activation } = this.#parts.manifest;
    const answer = await this.#columns(
      texts.map((text): [string] => [text]),
      'input',
      labels.length,
      isTruncating,
    );
    if (!answer.ok) return answer;
    const { logits, tokens } = answer.value;
    return finite({ labels, scores: activate(logits, labels.length, activation), tokens }, logits);
  }

  /** A row of numbers a text. */
  async #columns(texts: readonly ([string] | [string, string])[], field: string, columns: number, isTruncating: boolean) {
    const rows = this.#tokenise(texts, field, isTruncating);
    if (!rows.ok) return rows;
    const logits = new Float32Array(texts.length * columns);
    const ran = await this.#run(rows.value, ({ data, shape }, of) => {
      if (shape.length > 2 || data.length !== of.length * columns) return false;
      for (const [i, row] of of.entries()) logits.set(data.subarray(i * columns, (i + 1) * columns), row * columns);
      return true;
    });
    return ran.ok ? ok({ logits, tokens: tokenCounts(rows.value) }) : ran;
  }

  #tokenise(texts: readonly ([string] | [string, string])[], field: string, isTruncating: boolean): Outcome<TokenisedText[]> {
    const { tokeniser, manifest } = this.#parts;
    if (texts.length > LIMITS.modelTextsMaxCount)
      return refuseBeyond({ path: field, limit: 'modelTextsMaxCount', value: texts.length, what: `has ${texts.length} texts` });
    const rows: TokenisedText[] = [];
    let tokens = 0;
    for (const [i, [text, second]] of texts.entries()) {
      const row = tokeniser.encode(text, second, { tokensMax: manifest.tokensMax, isTruncating, at: [field, i] });
      if (!row.ok) return row;
      if (row.value.ids.length === 0) return refuse('invalid_value', 'has no token', [field, i]);
      tokens += row.value.ids.length;
      if (tokens > LIMITS.modelCallTokensMax)
        return refuseBeyond({ path: field, limit: 'modelCallTokensMax', value: tokens, what: `has ${tokens} tokens, or more` });
      rows.push(row.value);
    }
    return ok(rows);
  }

  /** Runs all rows, those of similar length together; `take` puts an answer where its rows belong, or finds that it is none. */
  async #run(
    rows: readonly TokenisedText[],
    take: (answer: { data: Float32Array; shape: readonly number[] }, of: readonly number[], tokens: number) => boolean,
  ): Promise<Outcome<void>> {
    const { facts, runner, manifest, tokeniser } = this.#parts;
    const offsets = new Int32Array(rows.length + 1);
    for (const [i, { ids }] of rows.entries()) offsets[i + 1] = offsets[i]! + ids.length;
    const buckets = facts.mixesRows
      ? rows.map(({ ids }, row) => ({ rows: [row], tokens: ids.length }))
      : lengthBuckets(offsets, Math.max(LIMITS.modelRunTokensMax, manifest.tokensMax));
    for (const { rows: of, tokens } of buckets) {
      const batch = of.map((row) => rows[row]!);
      const inputs = facts.inputs.map((port) => tokenInput(port, batch, tokens, tokeniser.padId));
      const answers = await runner.run(inputs, [this.#answer]);
      if (!answers.ok) return answers;
      const [answer] = answers.value;
      if (
        answer?.shape[0] !== of.length ||
        !(answer.data instanceof Float32Array) ||
        !take({ data: answer.data, shape: answer.shape }, of, tokens)
      )
        return refuse(
          'invalid_value',
          `answers ${this.#answer} of shape [${answer?.shape.join(', ')}], which is not what its manifest says`,
          [manifest.graph],
        );
    }
    return ok(undefined);
  }
}

function tokenInput({ name, type }: TensorPort, batch: readonly TokenisedText[], tokens: number, padId: number): NamedTensor {
  const values = new Int32Array(batch.length * tokens).fill(name === 'input_ids' ? padId : 0);
  for (const [row, { ids, types }] of batch.entries()) {
    const start = row * tokens;
    if (name === 'input_ids') values.set(ids, start);
    else if (name === 'token_type_ids') values.set(types, start);
    else for (let i = 0; i < ids.length; i += 1) values[start + i] = name === 'attention_mask' ? 1 : i;
  }
  const data = type === 'int64' ? BigInt64Array.from(values, (value) => BigInt(value)) : values;
  return { name, type, shape: [batch.length, tokens], data };
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

const tokenCounts = (rows: readonly TokenisedText[]): Int32Array<ArrayBuffer> => Int32Array.from(rows, ({ ids }) => ids.length);

/** Vectors and scores are numbers: an index would keep NaN for good. */
const finite = <T>(answer: T, values: Float32Array): Outcome<T> =>
  values.every((value) => Number.isFinite(value))
    ? ok(answer)
    : refuse('invalid_value', 'the model answers numbers that are not finite', 'model');
