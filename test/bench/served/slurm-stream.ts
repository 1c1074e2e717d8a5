import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { PrivateSlurm } from '../../support/slurm/private-slurm.ts';
import { processCpuS } from '../raw-workerd.ts';

export interface StreamRow {
  readonly what: string;
  readonly jobs: number;
  readonly 'done, s': string;
  readonly 'jobs a second': string;
  readonly 'CPU of the scheduler, ms a job': string;
}

export const streamRow = (what: string, jobs: number, doneMs: number, cpuS: number): StreamRow => ({
  what,
  jobs,
  'done, s': (doneMs / 1_000).toFixed(1),
  'jobs a second': ((1_000 * jobs) / doneMs).toFixed(1),
  'CPU of the scheduler, ms a job': ((1_000 * cpuS) / jobs).toFixed(2),
});

const NODES = 2;

/** Jobs that end at once, submitted to a real Slurm as one array, on as many slots as they can use: what its controller schedules in a second. */
export async function slurmStream(jobs: number, slots: number): Promise<StreamRow> {
  const slurm = await PrivateSlurm.start({ nodes: NODES, cpusPerNode: Math.ceil(slots / NODES) });
  try {
    const pid = Number(await readFile(join(slurm.folder, 'run/slurmctld.pid'), 'utf8'));
    const [startedMs, startedCpuS] = [performance.now(), await processCpuS(pid)];
    await slurm.command('sbatch', '-p', 'low', '-J', 'stream', '-o', '/dev/null', `--array=0-${jobs - 1}`, '--wrap', 'true');
    while ((await slurm.command('squeue', '-h', '-n', 'stream')).trim() !== '') await sleep(200);
    return streamRow('slurmctld, slurmd', jobs, performance.now() - startedMs, (await processCpuS(pid)) - startedCpuS);
  } finally {
    await slurm.stop();
  }
}
