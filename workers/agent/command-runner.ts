import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Assignment, OutputClaim } from '../../src/contract/pools/agent-protocol.ts';
import type { Progress } from '../../src/contract/jobs/attempt-report.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import type { ProcessExit } from './guarded-process.ts';
import { GuardedProcess, limitOfSignal } from './guarded-process.ts';
import type { AttemptScope, JobRunner, RunEnd, RunFailure, StopReason } from './job-runner.ts';
import type { MachineDevices } from './machine-devices.ts';
import { deviceEnvironment } from './machine-devices.ts';
import { failed } from './job-runner.ts';
import { ownFile, pathIn } from './own-file.ts';
import { fileURLToPath } from 'node:url';
import { TUNING_PROGRAM } from '../../src/contract/jobs/tuning-settings.ts';

type Program = Extract<Assignment, { kind: 'command' | 'training' }>;

/** One item of work: the command. */
export const PROGRAM_PROGRESS: Progress = { completed: 0, failed: 0, total: 1 };

/** Runs a program with the files and the environment that the job names, and nothing of the agent's own but the devices of the attempt. */
export const commandRunner =
  (devices: MachineDevices): JobRunner<'command'> =>
  async (scope): Promise<RunEnd> => {
    const { assignment, onProgress } = scope;
    onProgress(PROGRAM_PROGRESS);
    const ended = await runProgram(scope, 'saves', deviceEnvironment(devices, assignment));
    if (ended.kind === 'failed') return ended;
    const outputs = await collect(scope, assignment.outputs);
    if ('kind' in outputs) return outputs;
    return { kind: 'done', progress: { ...PROGRAM_PROGRESS, completed: 1 }, tokens: 0, outputs };
  };

/** What runs a program needs of an attempt, whatever its kind. */
type ProgramScope = Omit<AttemptScope<'command'>, 'assignment'> & { readonly assignment: Program };

/**
 * Prepares the folder, runs the program to its end or until it must stop, and saves its checkpoint meanwhile; one that only `begins` with what
 * was saved saves nothing itself.
 */
export async function runProgram(
  scope: ProgramScope,
  use: 'saves' | 'begins',
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly kind: 'ended' } | RunFailure> {
  const { assignment, folder, artifacts, lease, log, signal } = scope;
  const work = join(folder, 'work');
  for (const name of ['work', 'home', 'tmp']) await mkdir(join(folder, name));
  for (const [index, { path }] of assignment.inputs.entries()) await artifacts.fetchInput(index, await pathIn(work, path));
  const checkpoint = assignment.checkpoint === null ? undefined : new CheckpointFile(work, assignment.checkpoint, artifacts);
  await checkpoint?.restore();
  signal.throwIfAborted();
  const process = new GuardedProcess({
    argv: commandOf(assignment.argv),
    folder: work,
    environment: { ...environmentOf(assignment, folder), ...assignment.environment, ...environment },
    limits: { cpuS: assignment.limits.cpu_s, memoryMib: assignment.limits.memory_mib, fileMib: assignment.limits.file_mib },
    leftMs: lease.leftMs(),
    onOutput: (bytes) => log.write(bytes),
  });
  lease.onExtended(() => process.extend(lease.leftMs()));
  if (use === 'saves') checkpoint?.saveEvery(assignment.checkpoint_interval_ms ?? POOL_LIMITS.checkpointIntervalDefaultMs);
  try {
    const exit = await untilStopped(process, assignment.grace_ms, signal);
    await checkpoint?.settle(use === 'begins' || isLost(signal));
    signal.throwIfAborted();
    return endOf(exit);
  } finally {
    process.kill();
    await process.exited;
    await checkpoint?.settle(true);
  }
}

/** How the program ended; when it must stop, after it had its grace, unless the attempt is lost. */
async function untilStopped(process: GuardedProcess, graceMs: number, signal: AbortSignal): Promise<ProcessExit> {
  const onAbort = (): void => {
    if (isLost(signal)) process.kill();
    else void process.stop(graceMs);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await process.exited;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const isLost = (signal: AbortSignal): boolean => signal.aborted && (signal.reason as StopReason) === 'lost';

/** What every program finds in its environment. */
const environmentOf = ({ attempt, fence, checkpoint }: ProgramScope['assignment'], folder: string): Record<string, string> => ({
  PATH: globalThis.process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: join(folder, 'home'),
  TMPDIR: join(folder, 'tmp'),
  LANG: 'C.UTF-8',
  SLUICE_ATTEMPT: attempt,
  SLUICE_FENCE: String(fence),
  ...(checkpoint === null ? {} : { SLUICE_CHECKPOINT: checkpoint }),
});

function endOf(exit: ProcessExit): { readonly kind: 'ended' } | RunFailure {
  if (exit.kind === 'unstartable') return failed('command_failed', `the program cannot be started: ${exit.message}`);
  if (exit.kind === 'exited') {
    if (exit.code === 0) return { kind: 'ended' };
    return { ...failed('command_failed', `the program exited with ${exit.code}`), exitCode: exit.code };
  }
  const limit = limitOfSignal(exit.signal);
  if (limit !== undefined) return failed('resource_exceeded', `the program used more than limits.${limit} allows (${exit.signal})`);
  return failed('command_failed', `the program was ended by ${exit.signal}`);
}

/** Uploads what the program was to write. */
export async function collect(
  { folder, artifacts }: Pick<ProgramScope, 'folder' | 'artifacts'>,
  paths: readonly string[],
): Promise<readonly OutputClaim[] | RunFailure> {
  const work = join(folder, 'work');
  let bytes = 0;
  for (const path of paths) {
    const found = await ownFile(work, path);
    if (found === undefined) return failed('output_missing', `the program ended without a file ${path}`);
    bytes += Number(found.size);
  }
  if (bytes > JOB_LIMITS.jobOutputBytesMax)
    return failed('output_too_large', `the outputs have ${bytes} bytes; jobOutputBytesMax is ${JOB_LIMITS.jobOutputBytesMax}`);
  const claims: OutputClaim[] = [];
  for (const [index, path] of paths.entries()) claims.push(await artifacts.storeOutput(index, join(work, path)));
  return claims;
}

/** Programs that come with the agent, by the name that jobs have for them. */
const SHIPPED: ReadonlyMap<string, URL> = new Map([[TUNING_PROGRAM, new URL('programs/fine-tune.ts', import.meta.url)]]);

/** What is run for `argv`: a program that comes with the agent runs by the agent's own Node, whatever is on the path. */
export function commandOf([program = '', ...rest]: readonly string[]): readonly string[] {
  const shipped = SHIPPED.get(program);
  return shipped === undefined ? [program, ...rest] : [process.execPath, fileURLToPath(shipped), ...rest];
}
