import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Assignment } from '../../src/contract/pools/agent-protocol.ts';
import type { FailureReason, Serving } from '../../src/contract/jobs/attempt.ts';
import type { Progress } from '../../src/contract/jobs/attempt-report.ts';
import type { ErrorCode } from '../../src/contract/api/errors.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { ArtifactTransfer, Corrupt } from './artifact-transfer.ts';
import { AttemptBuild } from './attempt-build.ts';
import { AttemptModel } from './attempt-model.ts';
import { AttemptLog } from './attempt-log.ts';
import type { GroupPlace, AttemptScope, JobRunner, JobRunners, RunEnd, StopReason } from './job-runner.ts';
import { GroupView, failed } from './job-runner.ts';
import { Heartbeats } from './heartbeat.ts';
import { persistently } from './persistently.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';

export interface AttemptContext {
  readonly client: PoolClient;
  readonly runners: JobRunners;
  /** What no log may show. */
  readonly secrets: readonly string[];
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** The agent is asked to stop: the attempt is given back. */
  readonly stopped: AbortSignal;
}

/** How an attempt ended; `lost` leaves nothing to report. */
type Ending = RunEnd | { readonly kind: 'lost' };

/** Runs one attempt to its end, and reports that end unless another agent has the job by then. */
export async function runAttempt(assignment: Assignment, context: AttemptContext): Promise<void> {
  const { client, heartbeatMs, leaseMs, secrets } = context;
  const [stop, lost, finished] = [new AbortController(), new AbortController(), new AbortController()];
  let progress: Progress = { completed: 0, failed: 0, total: null };
  let serving: (() => Serving) | undefined;
  const stopFor = (reason: StopReason): void => {
    stop.abort(reason);
    if (reason === 'lost') lost.abort(reason);
  };
  const release = (): void => stopFor('released');
  context.stopped.addEventListener('abort', release, { once: true });
  // It was stopped while it took the assignment.
  if (context.stopped.aborted) release();
  const heartbeats = new Heartbeats({
    client,
    attempt: assignment,
    heartbeatMs,
    leaseMs,
    killMs: POOL_LIMITS.agentKillMs,
    nowMs: () => performance.now(),
    progress: () => progress,
    serving: () => serving?.(),
    stop: stopFor,
    onGroup: (place) => group.take(place),
    signal: finished.signal,
  });
  const group = new GroupView(placeIn(assignment), () => heartbeats.ask());
  const beating = heartbeats.beat();
  const send = (offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> =>
    persistently(lost.signal, () => client.log(assignment, offset, bytes, lost.signal));
  const log = new AttemptLog(send, secrets);
  log.start(lost.signal);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-attempt-'));
  try {
    const scope: AttemptScope<typeof assignment.kind> = {
      assignment,
      folder,
      artifacts: new ArtifactTransfer(client, assignment, stop.signal, lost.signal),
      log,
      lease: heartbeats,
      signal: stop.signal,
      build: new AttemptBuild(client, assignment, stop.signal),
      model: new AttemptModel(client, assignment, stop.signal),
      group,
      meet: (...meeting) => meet(client, assignment, ...meeting),
      onProgress: (next) => (progress = next),
      onServing: (next) => {
        serving = next;
        // Callers learn of it now; if that fails, by the next heartbeat.
        heartbeats.ask().catch(() => undefined);
      },
    };
    const ending = await run(scope, context.runners);
    // The end of a gang is that of rank 0: others hold their places until it is known.
    const isHeld = follows(assignment, ending) && stop.signal.reason !== ('left' satisfies StopReason);
    if (isHeld && !context.stopped.aborted) await aborted(AbortSignal.any([lost.signal, context.stopped]));
    // What it wrote is there before its end is.
    await log.close();
    await report(isHeld ? followersEnd(lost.signal) : ending, assignment, client, lost.signal);
  } finally {
    finished.abort();
    context.stopped.removeEventListener('abort', release);
    await Promise.all([beating, log.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(scope: AttemptScope<Assignment['kind']>, runners: JobRunners): Promise<Ending> {
  const runner = runners[scope.assignment.kind] as JobRunner<Assignment['kind']> | undefined;
  if (runner === undefined) return failed('kind_not_offered', `this agent does not run ${scope.assignment.kind} jobs`);
  try {
    return await runner(scope);
  } catch (error) {
    return endingOf(error, scope.signal);
  }
}

function endingOf(error: unknown, signal: AbortSignal): Ending {
  if (signal.aborted) {
    const reason = signal.reason as StopReason;
    return reason === 'lost' ? { kind: 'lost' } : failed(reason === 'cancelled' ? reason : 'released', 'the agent was instructed to stop');
  }
  if (error instanceof Refused && error.code === 'stale_fence') return { kind: 'lost' };
  if (error instanceof Refused) return failed(REASON_OF[error.code] ?? 'agent_error', error.message);
  if (error instanceof Corrupt) return failed('input_corrupt', error.message);
  return failed('agent_error', error instanceof Error ? error.message : String(error));
}

const REASON_OF: { readonly [Code in ErrorCode]?: FailureReason } = {
  file_not_found: 'input_missing',
  payload_too_large: 'output_too_large',
};

/** Whether the attempt goes on though this member of the gang has ended, by itself or because all must. */
const follows = (assignment: Assignment, ending: Ending): boolean =>
  assignment.kind === 'training' &&
  assignment.rank > 0 &&
  (ending.kind === 'done' || (ending.kind === 'failed' && (ending.reason === 'released' || ending.reason === 'cancelled')));

/** A member that is neither rank 0 nor at fault has nothing to report but that its agent stops. */
const followersEnd = (lost: AbortSignal): Ending =>
  lost.aborted ? { kind: 'lost' } : failed('released', 'the agent was instructed to stop');

const placeIn = (assignment: Assignment): GroupPlace =>
  assignment.kind === 'training'
    ? { version: assignment.group_version, rank: assignment.rank, worldSize: assignment.world_size }
    : { version: 0, rank: 0, worldSize: 1 };

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function meet(
  client: PoolClient,
  attempt: AttemptKey,
  address: string,
  version: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (;;) {
    const peers = await persistently(signal, () => client.meet(attempt, address, version, signal));
    if (peers !== null) return peers;
    await sleep(POOL_LIMITS.gangMeetMs, undefined, { signal });
  }
}

/** Reports an end. Unheard, the attempt ends when its lease does. */
async function report(ending: Ending, attempt: AttemptKey, client: PoolClient, lost: AbortSignal): Promise<void> {
  try {
    if (ending.kind === 'done') await persistently(lost, () => client.complete(attempt, ending));
    else if (ending.kind === 'failed') await client.fail(attempt, ending);
  } catch (error) {
    if (lost.aborted || (error instanceof Refused && error.code === 'stale_fence')) return;
    // The gateway does not take the outputs for what they are said to be.
    if (ending.kind === 'done' && error instanceof Refused) return report(failed('agent_error', error.message), attempt, client, lost);
    console.warn(`attempt ${attempt.attempt}: its end could not be reported: ${String(error)}`);
  }
}
