import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

import type { FailureReason, Progress } from '../../src/contract/attempt.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import { must } from '../../src/kernel/assert.ts';
import type { Result } from '../../src/kernel/result.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { Line, LineAnswer, LineAnswerer } from './answer-line.ts';
import { readLines } from './answer-line.ts';

export interface BatchEmbedding {
  readonly inputPath: string;
  readonly outputPath: string;
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
  readonly reason: Extract<FailureReason, 'input_too_large' | 'output_too_large'>;
  readonly message: string;
}

/** What is answered in one call, and then written and reported: some milliseconds of work. */
const LINES_A_TURN = 128;
const CHARS_A_TURN = 256 * 1024;

/** Embeds a JSONL file line by line into another. Holds a few turns of lines in memory, whatever the sizes of the files. */
export async function embedBatch(job: BatchEmbedding): Promise<Result<BatchDone, JobFault>> {
  const total = await countLines(job.inputPath);
  if (total > LIMITS.jobLinesMax) return tooLarge('input', `the input has ${total} lines; jobLinesMax is ${LIMITS.jobLinesMax}`);
  const output = await open(job.outputPath, 'w');
  try {
    return await writeAnswers(job, total, output);
  } finally {
    await output.close();
  }
}

const tooLarge = (what: 'input' | 'output', message: string) => err({ reason: `${what}_too_large`, message } as const);

const linesOf = (path: string) => readLines(createReadStream(path), LIMITS.jobLineBytesMax);

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const _line of linesOf(path)) count += 1;
  return count;
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

async function writeAnswers(job: BatchEmbedding, total: number, output: FileHandle): Promise<Result<BatchDone, JobFault>> {
  let [asked, completed, failed, tokens, bytes] = [0, 0, 0, 0, 0];
  const underWay: Promise<readonly LineAnswer[]>[] = [];
  const writeNext = async (): Promise<void> => {
    const answers = await must(underWay.shift(), 'a batch is under way');
    job.signal.throwIfAborted();
    bytes += (await output.write(answers.map(({ json }) => `${json}\n`).join(''))).bytesWritten;
    for (const answer of answers) {
      if (answer.failed) failed += 1;
      else completed += 1;
      tokens += answer.tokens;
    }
    job.onProgress({ completed, failed, total });
  };
  job.onProgress({ completed, failed, total });
  for await (const lines of turnsOf(job.inputPath)) {
    const answering = job.answerer.answer(lines, job.id, asked);
    // Its failure reaches the caller that awaits it; until then it may have none.
    answering.catch(() => undefined);
    underWay.push(answering);
    asked += lines.length;
    if (underWay.length >= job.answerer.callsMax) await writeNext();
    if (bytes > LIMITS.jobOutputBytesMax) break;
  }
  while (underWay.length > 0 && bytes <= LIMITS.jobOutputBytesMax) await writeNext();
  if (bytes > LIMITS.jobOutputBytesMax) {
    return tooLarge('output', `the output passes jobOutputBytesMax (${LIMITS.jobOutputBytesMax} bytes) at line ${completed + failed}`);
  }
  job.signal.throwIfAborted();
  return ok({ progress: { completed, failed, total }, tokens });
}
