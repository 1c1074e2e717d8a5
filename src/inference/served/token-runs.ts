import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { MicroBatchRules } from '../micro-batcher.ts';
import { MicroBatcher } from '../micro-batcher.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import type { LengthBucket } from '../onnx-encoder.ts';
import { lengthBuckets } from '../onnx-encoder.ts';
import type { TokenRow } from '../text/text-tokeniser.ts';
import type { GraphRunner } from '../graph-runner.ts';
import type { EmbeddingOutput } from '../embedding-output.ts';
import { ownOutput } from '../embedding-output.ts';
import { answerRows } from './answer-rows.ts';
import type { EncoderRuns } from './encoder-runs.ts';
import type { RunBounds } from './run-bounds.ts';
import { checkRunMs, textInputs } from './run-bounds.ts';
import type { ServedManifest } from '../served-manifest.ts';
import type { NamedTensor, TensorPort } from '../tensor.ts';

export interface TokenRunsParts {
  readonly manifest: ServedManifest;
  readonly facts: GraphFacts;
  readonly runner: GraphRunner;
  readonly padId: number;
  /** Name of the output that answers. */
  readonly answer: string;
  /** What rows of texts are made of it; absent: what the model is for. */
  readonly output?: EmbeddingOutput;
  readonly sharing: RunSharing;
  /** Absent: runs take as long as they take. */
  readonly bounds: Pick<RunBounds, 'of'> | undefined;
  /** What runs texts instead of the graph, which is one that it computes. */
  readonly encoder?: EncoderRuns;
}

/** By what requests that share runs wait for each other. */
export interface RunSharing {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly wakeUps: WakeUps;
  /** Tokens of one run, padding included, but for a longer text; absent: as isolates have it. */
  readonly runTokensMax?: number;
}

/** What graphs call the tokens of texts: their ids, which are not padding, which text of a pair they are of, and where they stand. */
export const TOKEN_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'];

const BATCH_RULES: MicroBatchRules = {
  itemsMax: MODEL_LIMITS.modelBatchTextsMaxCount,
  sizeMax: MODEL_LIMITS.modelBatchTokensMax,
  waitMs: MODEL_LIMITS.modelBatchWaitMs,
  quietMs: MODEL_LIMITS.modelBatchQuietMs,
  runMaxMs: MODEL_LIMITS.modelBatchRunMaxMs,
};

/** What the graph answers for one text. */
interface AnswerRow {
  readonly values: Float32Array<ArrayBuffer>;
  /** How many texts were run together, those of other requests included. */
  readonly together: number;
}

/** A run that was refused, as `MicroBatcher` takes failures. */
class RunRefused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

/**
 * Runs the graph of a model on tokenised texts: those of similar length together, and those of requests that come at the same time
 * together, too. A text's row depends on that text alone. [M24] [M56]
 */
export class TokenRuns {
  readonly #parts: TokenRunsParts;
  /** Absent where texts of a run change each other's answers, or the graph takes one text a run: there is nothing to share. */
  readonly #batcher: MicroBatcher<TokenRow, AnswerRow> | undefined;

  constructor(parts: TokenRunsParts) {
    this.#parts = parts;
    const takesOne = parts.facts.inputs.some(({ shape: [rows] }) => typeof rows === 'number');
    if (parts.encoder === undefined && (parts.facts.mixesRows || takesOne)) return;
    this.#batcher = new MicroBatcher<TokenRow, AnswerRow>({
      ...parts.sharing,
      rules: BATCH_RULES,
      sizeOf: ({ ids }) => ids.length,
      run: (texts) => this.#runAll(texts),
    });
  }

  /** One row a text, in their order. `leftMs`: for so long the caller waits still. */
  async run(texts: readonly TokenRow[], leftMs = Infinity): Promise<Outcome<{ rows: Float32Array[]; sharedTexts: number }>> {
    const deadlineMs = this.#parts.sharing.clock.nowMs() + leftMs;
    try {
      const rows = await (this.#batcher?.run(texts, deadlineMs) ?? this.#runAll(texts));
      const sharedTexts = rows.filter(({ together }) => together > texts.length).length;
      return ok({ rows: rows.map(({ values }) => values), sharedTexts });
    } catch (error) {
      if (error instanceof RunRefused) return err(error.refusal);
      throw error;
    }
  }

  #runAll(texts: readonly TokenRow[]): Promise<AnswerRow[]> {
    const { encoder } = this.#parts;
    return encoder === undefined ? this.#runPadded(texts) : this.#runRagged(encoder, texts);
  }

  /** [M59] The engine lets others have their turn by itself: a text is refused by what it takes until then. */
  async #runRagged(encoder: EncoderRuns, texts: readonly TokenRow[]): Promise<AnswerRow[]> {
    const { bounds, facts } = this.#parts;
    const affordable = bounds === undefined ? ok(undefined) : checkRunMs(bounds.of(textInputs(facts.inputs, 1, longestOf(texts))));
    if (!affordable.ok) throw new RunRefused(affordable.error);
    const vectors = await encoder.run(texts, this.#parts.output);
    if (!vectors.ok) throw new RunRefused(vectors.error);
    return vectors.value.map((values) => ({ values, together: texts.length }));
  }

  async #runPadded(texts: readonly TokenRow[]): Promise<AnswerRow[]> {
    const { facts, runner, manifest, padId, answer, sharing, output = ownOutput(manifest.task) } = this.#parts;
    const tokensMax = Math.min(sharing.runTokensMax ?? MODEL_LIMITS.modelRunTokensMax, answeredTokensMax(manifest));
    const buckets = facts.mixesRows ? texts.map(alone) : bucketsOf(texts, tokensMax);
    const runs = this.#affordable(buckets);
    if (!runs.ok) throw new RunRefused(runs.error);
    const values = new Map<number, Float32Array<ArrayBuffer>>();
    for (const [at, { rows: of, tokens }] of runs.value.entries()) {
      if (at > 0) await this.#letOthersRun();
      const batch = of.map((row) => texts[row]!);
      const inputs = facts.inputs.map((port) => tokenInput(port, batch, tokens, padId));
      const answers = await runner.run(inputs, [answer]);
      if (!answers.ok) throw new RunRefused(answers.error);
      const [tensor] = answers.value;
      const rows =
        tensor === undefined ? undefined : answerRows(tensor, { lengths: batch.map(({ ids }) => ids.length), tokens }, manifest, output);
      if (rows === undefined) {
        const what = `answers ${answer} of shape [${tensor?.shape.join(', ')}], which is not what its manifest says`;
        const refused = refuse('invalid_value', what, [manifest.graph]);
        throw new RunRefused(refused.error);
      }
      for (const [i, row] of of.entries()) values.set(row, rows[i]!);
    }
    return texts.map((_, row) => ({ values: values.get(row)!, together: texts.length }));
  }

  /** [M59] Runs none of which may take longer than one may, nor all of them than a call may: texts that would together are run in parts. */
  #affordable(buckets: readonly LengthBucket[]): Outcome<readonly LengthBucket[]> {
    const { bounds, facts } = this.#parts;
    if (bounds === undefined) return ok(buckets);
    const boundOf = ({ rows, tokens }: LengthBucket) => bounds.of(textInputs(facts.inputs, rows.length, tokens));
    const runs: LengthBucket[] = [];
    let all = { ms: 0, dearest: '' };
    const left = buckets.toReversed();
    for (let bucket = left.pop(); bucket !== undefined; bucket = left.pop()) {
      const { rows, tokens } = bucket;
      const bound = boundOf(bucket);
      const alone = checkRunMs(bound);
      if (alone.ok) {
        runs.push(bucket);
        all = { ms: all.ms + bound.ms, dearest: bound.dearest };
      } else if (rows.length === 1) return alone;
      else {
        const half = Math.ceil(rows.length / 2);
        left.push({ rows: rows.slice(half), tokens }, { rows: rows.slice(0, half), tokens });
      }
    }
    const together = checkRunMs(all, { limit: 'callBoundMsMax' });
    return together.ok ? ok(runs) : together;
  }

  #letOthersRun(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.sharing.timer.after(0, resolve);
    });
  }
}

const alone = ({ ids }: TokenRow, row: number): LengthBucket => ({ rows: [row], tokens: ids.length });

/** Texts of similar length together, but for those that are longer than a run is to be: each is one by itself. */
function bucketsOf(texts: readonly TokenRow[], runTokensMax: number): readonly LengthBucket[] {
  const isLong = ({ ids }: TokenRow): boolean => ids.length > runTokensMax;
  const offsets = new Int32Array(texts.length + 1);
  // Texts without tokens are in no bucket.
  for (const [i, text] of texts.entries()) offsets[i + 1] = offsets[i]! + (isLong(text) ? 0 : text.ids.length);
  return [...lengthBuckets(offsets, runTokensMax), ...texts.flatMap((text, row) => (isLong(text) ? [alone(text, row)] : []))];
}

/** [M182] Of a run of a sparse encoder, which has a number for each token of the vocabulary at each token of its texts. */
const answeredTokensMax = ({ task, dimensions }: ServedManifest): number =>
  task === 'sparse-embedding' ? Math.floor(MODEL_LIMITS.sparseRunBytesMax / (4 * dimensions)) : Infinity;

const longestOf = (texts: readonly TokenRow[]): number => texts.reduce((most, { ids }) => Math.max(most, ids.length), 0);

function tokenInput({ name, type }: TensorPort, batch: readonly TokenRow[], tokens: number, padId: number): NamedTensor {
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
