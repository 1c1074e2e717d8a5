import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Assignment } from '../../src/contract/agent-protocol.ts';
import type { FailureReason, Progress } from '../../src/contract/attempt.ts';
import { messageOf } from '../../src/contract/errors.ts';
import { must } from '../../src/kernel/assert.ts';
import { Backoff } from './backoff.ts';
import { embedBatch } from './batch-embedding.ts';
import type { GatewayModels } from './gateway-models.ts';
import type { StopReason } from './heartbeat.ts';
import { keepAlive } from './heartbeat.ts';
import type { PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';

export interface AttemptContext {
  readonly client: PoolClient;
  readonly models: GatewayModels;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** The agent is asked to stop: the attempt is given back. */
  readonly stopped: AbortSignal;
}

/** How an attempt ended; `lost` and `done` leave nothing to report. */
type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly message: string };

const failed = (reason: FailureReason, message: string): Ending => ({ kind: 'failed', reason, message });

/** Runs one attempt to its end, and reports that end unless another agent has the job by then. */
export async function runAttempt(assignment: Assignment, context: AttemptContext): Promise<void> {
  const stop = new AbortController();
  const finished = new AbortController();
  let progress: Progress = { completed: 0, failed: 0, total: null };
  const release = () => stop.abort('released' satisfies StopReason);
  context.stopped.addEventListener('abort', release, { once: true });
  const alive = keepAlive({
    ...context,
    attempt: assignment,
    nowMs: () => performance.now(),
    progress: () => progress,
    stop: (reason) => stop.abort(reason),
    signal: finished.signal,
  });
  const folder = await mkdtemp(join(tmpdir(), 'sluice-attempt-'));
  try {
    const ending = await work(assignment, context, folder, stop.signal, (next) => (progress = next));
    await report(assignment, context, ending);
  } finally {
    finished.abort();
    context.stopped.removeEventListener('abort', release);
    await alive;
    await rm(folder, { recursive: true, force: true });
  }
}

async function work(
  assignment: Assignment,
  context: AttemptContext,
  folder: string,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Ending> {
  const { client, models } = context;
  const [inputPath, outputPath] = [join(folder, 'input.jsonl'), join(folder, 'output.jsonl')];
  try {
    const answerer = await persistently(signal, () => models.load(assignment.model));
    if (!answerer.ok) return failed('model_unavailable', messageOf(answerer.error));
    await persistently(signal, async () => {
      const { body } = await client.input(assignment, signal);
      await pipeline(Readable.fromWeb(must<ReadableStream>(body, 'an input has a body')), createWriteStream(inputPath), { signal });
    });
    const done = await embedBatch({ inputPath, outputPath, id: assignment.attempt, answerer: answerer.value, signal, onProgress });
    if (!done.ok) return failed(done.error.reason, done.error.message);
    const output = await openAsBlob(outputPath);
    await persistently(signal, () => client.output(assignment, output, signal));
    await persistently(signal, () => client.complete(assignment, done.value.progress, done.value.tokens));
    return { kind: 'done' };
  } catch (error) {
    return endingOf(error, signal);
  }
}

function endingOf(error: unknown, signal: AbortSignal): Ending {
  if (signal.aborted) {
    const reason = signal.reason as StopReason;
    return reason === 'lost' ? { kind: 'lost' } : failed(reason, 'the agent was instructed to stop');
  }
  if (error instanceof Refused && error.code === 'stale_fence') return { kind: 'lost' };
  if (error instanceof Refused && error.code === 'file_not_found') return failed('input_missing', error.message);
  return failed('agent_error', error instanceof Error ? error.message : String(error));
}

async function report(assignment: Assignment, { client }: AttemptContext, ending: Ending): Promise<void> {
  if (ending.kind !== 'failed') return;
  try {
    await client.fail(assignment, ending.reason, ending.message);
  } catch (error) {
    // Unheard, the attempt ends when its lease does.
    console.warn(`attempt ${assignment.attempt}: ${ending.reason} could not be reported: ${String(error)}`);
  }
}

/** Tries again while the gateway is away; the heartbeats end this once the lease is lost. */
async function persistently<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(Math.random);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      if (error instanceof Refused) throw error;
      await sleep(backoff.nextMs(), undefined, { signal });
    }
  }
}
