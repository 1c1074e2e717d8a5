import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { FailureReason } from '../../src/contract/jobs/attempt.ts';
import type { Progress, LineFault } from '../../src/contract/jobs/attempt-report.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { must } from '../../src/kernel/assert.ts';
import type { Result } from '../../src/kernel/result.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { Line, LineAnswer, LineAnswerer } from './answer-line.ts';
import { readLines } from './answer-line.ts';
import * as z from 'zod';
import { rawLines } from '../../src/kernel/raw-lines.ts';

export interface BatchEmbedding {
  readonly inputPath: string;
  readonly outputPath: string;
  /**
   * By the rules of OpenAI batches: where answers to requests that fail go, and the model that all name. Undefined: bad lines are answered among
   * the others.
   */
  readonly openai: { readonly errorsPath: string; readonly model: string } | undefined;
  /** Prefix of the ids of output lines. */
  readonly id: string;
  readonly answerer: LineAnswerer;
  readonly signal: AbortSignal;
  onProgress(progress: Progress): void;
}

export interface BatchDone {
  readonly progress: Progress;
  readonly tokens: number;
}

export interface JobFault {
  readonly reason: Extract<FailureReason, 'input_too_large' | 'input_invalid' | 'output_too_large'>;
  readonly message: string;
  readonly lines?: readonly LineFault[];
}

/** Of all requests that this runner answers. */
const ENDPOINT = '/v1/embeddings';

/** What is answered in one call, and then written and reported: some milliseconds of work. */
const LINES_A_TURN = 128;
const CHARS_A_TURN = 256 * 1024;

/** Embeds a JSONL file line by line into another. Holds a few turns of lines in memory, whatever the sizes of the files. */
export async function embedBatch(job: BatchEmbedding): Promise<Result<BatchDone, JobFault>> {
  const { openai } = job;
  const { total, faults } =
    openai === undefined ? await countLines(job.inputPath) : await checkBatch(job.inputPath, { endpoint: ENDPOINT, model: openai.model });
  if (faults.length > 0) return err({ reason: 'input_invalid', message: `the input has ${faults.length} faults or more`, lines: faults });
  if (total > POOL_LIMITS.jobLinesMax) return tooLarge('input', `the input has ${total} lines; jobLinesMax is ${POOL_LIMITS.jobLinesMax}`);
  const outputs = new AnswerFiles(await open(job.outputPath, 'w'), openai === undefined ? undefined : await open(openai.errorsPath, 'w'));
  try {
    return await writeAnswers(job, total, outputs);
  } finally {
    await outputs.close();
  }
}

/** Where answers go. */
class AnswerFiles {
  readonly #output: FileHandle;
  readonly #errors: FileHandle | undefined;
  bytes = 0;

  constructor(output: FileHandle, errors: FileHandle | undefined) {
    this.#output = output;
    this.#errors = errors;
  }

  async write(answers: readonly LineAnswer[]): Promise<void> {
    const isApart = ({ failed }: LineAnswer): boolean => failed && this.#errors !== undefined;
    await this.#append(
      this.#output,
      answers.filter((answer) => !isApart(answer)),
    );
    if (this.#errors !== undefined) await this.#append(this.#errors, answers.filter(isApart));
  }

  async close(): Promise<void> {
    await this.#output.close();
    await this.#errors?.close();
  }

  async #append(file: FileHandle, answers: readonly LineAnswer[]): Promise<void> {
    if (answers.length > 0) this.bytes += (await file.write(answers.map(({ json }) => `${json}\n`).join(''))).bytesWritten;
  }
}

const tooLarge = (what: 'input' | 'output', message: string) => err({ reason: `${what}_too_large`, message } as const);

const linesOf = (path: string) => readLines(createReadStream(path), POOL_LIMITS.jobLineBytesMax);

async function countLines(path: string): Promise<CheckedInput> {
  let total = 0;
  for await (const _line of linesOf(path)) total += 1;
  return { total, faults: [] };
}

/** Turns of lines, in order. */
async function* turnsOf(path: string): AsyncGenerator<Line[]> {
  let turn: Line[] = [];
  let chars = 0;
  for await (const line of linesOf(path)) {
    turn.push(line);
    chars += typeof line === 'string' ? line.length : 0;
    if (turn.length < LINES_A_TURN && chars < CHARS_A_TURN) continue;
    yield turn;
    turn = [];
    chars = 0;
  }
  if (turn.length > 0) yield turn;
}

async function writeAnswers(job: BatchEmbedding, total: number, outputs: AnswerFiles): Promise<Result<BatchDone, JobFault>> {
  const form = job.openai === undefined ? 'job' : 'openai';
  let [asked, completed, failed, tokens] = [0, 0, 0, 0];
  const underWay: Promise<readonly LineAnswer[]>[] = [];
  const writeNext = async (): Promise<void> => {
    const answers = await must(underWay.shift(), 'a batch is under way');
    job.signal.throwIfAborted();
    await outputs.write(answers);
    for (const answer of answers) {
      if (answer.failed) failed += 1;
      else completed += 1;
      tokens += answer.tokens;
    }
    job.onProgress({ completed, failed, total });
  };
  job.onProgress({ completed, failed, total });
  for await (const lines of turnsOf(job.inputPath)) {
    const answering = job.answerer.answer(lines, job.id, asked, form);
    // Its failure reaches the caller that awaits it; until then it may have none.
    answering.catch(() => undefined);
    underWay.push(answering);
    asked += lines.length;
    if (underWay.length >= job.answerer.callsMax) await writeNext();
    if (outputs.bytes > JOB_LIMITS.jobOutputBytesMax) break;
  }
  while (underWay.length > 0 && outputs.bytes <= JOB_LIMITS.jobOutputBytesMax) await writeNext();
  if (outputs.bytes > JOB_LIMITS.jobOutputBytesMax) {
    return tooLarge('output', `the output passes jobOutputBytesMax (${JOB_LIMITS.jobOutputBytesMax} bytes) at line ${completed + failed}`);
  }
  job.signal.throwIfAborted();
  return ok({ progress: { completed, failed, total }, tokens });
}

/** What all requests of a batch have in common. */
export interface BatchTerms {
  readonly endpoint: string;
  readonly model: string;
}

export interface CheckedInput {
  /** Lines that are not blank. */
  readonly total: number;
  /** The first ones; none: every line is a request with an id of its own. */
  readonly faults: readonly LineFault[];
}

const request = z.looseObject({
  custom_id: z.string().min(1).max(POOL_LIMITS.batchCustomIdCharsMax),
  method: z.string(),
  url: z.string(),
  body: z.looseObject({ model: z.string() }),
});

/**
 * Reads a batch to its end before any of it is answered, as OpenAI does: lines that are no requests, are requests of another endpoint or
 * model, or share an id, fail the batch as a whole. What is wrong inside a request fails that request alone. [J152]
 */
export async function checkBatch(path: string, terms: BatchTerms): Promise<CheckedInput> {
  const faults: LineFault[] = [];
  const ids = new Map<string, number>();
  let [number, total] = [0, 0];
  for await (const { content } of rawLines(createReadStream(path), POOL_LIMITS.jobLineBytesMax)) {
    number += 1;
    const text = content === undefined ? undefined : decoder.decode(content).trim();
    if (text === '') continue;
    total += 1;
    if (total > POOL_LIMITS.jobLinesMax) return { total, faults: [tooMany()] };
    if (faults.length < JOB_LIMITS.lineFaultsMaxCount) faults.push(...faultsOf(text, number, ids, terms));
  }
  if (total === 0) faults.push({ code: 'empty_file', line: null, message: 'the input has no requests', param: null });
  return { total, faults: faults.slice(0, JOB_LIMITS.lineFaultsMaxCount) };
}

const decoder = new TextDecoder();

const tooMany = (): LineFault => ({
  code: 'too_many_requests',
  line: null,
  message: `the input has more requests than jobLinesMax (${POOL_LIMITS.jobLinesMax}): make several batches of it`,
  param: null,
});

/** What is wrong with a line; remembers its id. `text` undefined: it is too long. */
function faultsOf(text: string | undefined, line: number, ids: Map<string, number>, terms: BatchTerms): readonly LineFault[] {
  const fault = (code: string, message: string, param: string | null = null): LineFault => ({
    code,
    line,
    message: message.slice(0, JOB_LIMITS.lineFaultCharsMax),
    param: param === null ? null : param.slice(0, JOB_LIMITS.lineFaultCharsMax),
  });
  if (text === undefined) return [fault('line_too_long', `the line has more than ${POOL_LIMITS.jobLineBytesMax} bytes (jobLineBytesMax)`)];
  const value = parsedObject(text);
  if (value === undefined) return [fault('invalid_json_line', 'the line is not a JSON object')];
  const parsed = request.safeParse(value);
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => {
      const isMissing = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value) === undefined;
      return fault(isMissing ? 'missing_required_parameter' : 'invalid_value', message, path.join('.'));
    });
  }
  const { custom_id: id, method, url, body } = parsed.data;
  const before = ids.get(id);
  if (before === undefined) ids.set(id, line);
  return [
    ...(before === undefined ? [] : [fault('duplicate_custom_id', `line ${before} has the same custom_id`, 'custom_id')]),
    ...(method === 'POST' ? [] : [fault('invalid_method', 'the method must be POST', 'method')]),
    ...(url === terms.endpoint ? [] : [fault('invalid_url', `the url must be that of the batch, ${terms.endpoint}`, 'url')]),
    ...(body.model === terms.model
      ? []
      : [fault('mismatched_model', `the batch runs ${terms.model}: the model must be the same`, 'body.model')]),
  ];
}

function parsedObject(text: string): Record<PropertyKey, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<PropertyKey, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
