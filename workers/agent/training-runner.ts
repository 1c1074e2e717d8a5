import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { collect, runProgram, PROGRAM_PROGRESS } from './command-runner.ts';
import type { AttemptScope, JobRunner, RunEnd } from './job-runner.ts';
import type { MachineDevices } from './machine-devices.ts';
import { deviceEnvironment } from './machine-devices.ts';

type Scope = AttemptScope<'training'>;

/**
 * Runs one process of a gang: it learns its rank, how many there are and where rank 0 listens, once all have started. What rank 0 saves is
 * where all begin in the next attempt; its outputs are the job's. When members join or leave, the others stop, rank 0 saves, and all start again
 * as the gang that they are then. [J212]
 */
export const trainingRunner =
  (agent: TrainingAgent): JobRunner<'training'> =>
  async (scope) => {
    const { group, signal } = scope;
    scope.onProgress(PROGRAM_PROGRESS);
    for (;;) {
      const { place, changed } = group;
      const folder = join(scope.folder, `group-${place.version}`);
      await mkdir(folder);
      try {
        const ended = await runAs(agent, place, { ...scope, folder, signal: AbortSignal.any([signal, changed]) });
        // A program that lost another member fails, whether that failed or was to leave: the pool knows.
        if (ended.kind === 'done' || !(await group.hasChangedSince(place.version))) return ended;
      } catch (error) {
        if (signal.aborted || !changed.aborted) throw error;
      }
      signal.throwIfAborted();
      await rm(folder, { recursive: true, force: true });
    }
  };

interface TrainingAgent {
  /** Where agents of the same pool reach this machine. */
  readonly host: string;
  /** Of the gateway, whose public files (models) the program may read. */
  readonly url: string;
  readonly devices: MachineDevices;
}

async function runAs(
  { host, url, devices }: TrainingAgent,
  { version, rank, worldSize }: Scope['group']['place'],
  scope: Scope,
): Promise<RunEnd> {
  const peers = await scope.meet(`${host}:${rank === 0 ? await freePort() : 0}`, version, scope.signal);
  const [master, port] = cut(peers[0] ?? '');
  const ended = await runProgram(scope, rank === 0 ? 'saves' : 'begins', {
    ...deviceEnvironment(devices, scope.assignment),
    MASTER_ADDR: master,
    MASTER_PORT: port,
    RANK: String(rank),
    WORLD_SIZE: String(worldSize),
    LOCAL_RANK: '0',
    LOCAL_WORLD_SIZE: '1',
    SLUICE_URL: url,
    SLUICE_RANK: String(rank),
    SLUICE_WORLD_SIZE: String(worldSize),
    SLUICE_PEERS: peers.map((peer) => cut(peer)[0]).join(','),
  });
  if (ended.kind === 'failed') return ended;
  const done = { kind: 'done', progress: { ...PROGRAM_PROGRESS, completed: 1 }, tokens: 0, outputs: [] } as const;
  // It stays a member until rank 0 has ended: if the gang changes before, it has to begin again, too.
  if (rank > 0) return stopped(scope.signal);
  const outputs = await collect(scope, scope.assignment.outputs);
  return 'kind' in outputs ? outputs : { ...done, outputs };
}

/** Rejects once the signal is aborted, with its reason. */
const stopped = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

/** Host and port of an address. */
const cut = (address: string): [string, string] => {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at), address.slice(at + 1)];
};

/** A port that nothing listens on now. Should something by the time rank 0 does, the attempt fails, and the next one has another. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
