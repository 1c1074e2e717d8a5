import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

import type { FailureReason, Progress } from '../../src/contract/attempt.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Result } from '../../src/kernel/result.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { LoadedModel } from './answer-line.ts';
import { answerLine } from './answer-line.ts';
import { readLines } from './read-lines.ts';

export interface BatchEmbedding {
  readonly inputPath: string;
  readonly outputPath: string;
  /** Prefix of the ids of output lines. */
  readonly id: string;
  readonly loaded: LoadedModel;
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

/** What is worked on between two writes, reports and looks at `signal`: some milliseconds. */
const LINES_A_TURN = 128;
const CHARS_A_TURN = 256 * 1024;

/** Embeds a JSONL file line by line into another. Holds one turn of lines in memory, whatever the sizes of the files. */
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

async function writeAnswers(job: BatchEmbedding, total: number, output: FileHandle): Promise<Result<BatchDone, JobFault>> {
  let [completed, failed, tokens, bytes] = [0, 0, 0, 0];
  let turn = '';
  let lines = 0;
  const endTurn = async (): Promise<void> => {
    job.signal.throwIfAborted();
    bytes += (await output.write(turn)).bytesWritten;
    turn = '';
    lines = 0;
    job.onProgress({ completed, failed, total });
  };
  job.onProgress({ completed, failed, total });
  for await (const line of linesOf(job.inputPath)) {
    const answer = await answerLine(line, `${job.id}_${completed}`, job.loaded);
    turn += `${answer.json}\n`;
    lines += 1;
    completed += 1;
    failed += Number(answer.failed);
    tokens += answer.tokens;
    if (lines >= LINES_A_TURN || turn.length >= CHARS_A_TURN) await endTurn();
    if (bytes > LIMITS.jobOutputBytesMax) {
      return tooLarge('output', `the output passes jobOutputBytesMax (${LIMITS.jobOutputBytesMax} bytes) at line ${completed}`);
    }
  }
  await endTurn();
  return ok({ progress: { completed, failed, total }, tokens });
}
