import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { ReplayCluster, ReplayResult } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import { replayJobs } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import type { TracedJob } from '../../../src/scheduler/simulator/load/traced-jobs.ts';
import { generatedLoad, readPhilly } from '../../../src/scheduler/simulator/load/traced-jobs.ts';
import type { Bar } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { ganttSvg } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { Chance } from './chance.ts';
import { command, positive, whole } from '../command/command.ts';
import { accept, readInput } from './read-input.ts';

interface Flags {
  readonly nodes: number;
  readonly perNode: number;
  readonly svg?: string;
  readonly json?: boolean;
}

interface PhillyFlags extends Flags {
  readonly jobs: string;
  readonly first: number;
}

interface LoadFlags extends Flags {
  readonly jobs: number;
  readonly load: number;
  readonly owners: number;
  readonly seed: number;
}

/** A node's accelerators are the bits of a mask. */
const PER_NODE_MAX = 16;

const jobsCommand = (name: string, summary: string): Command =>
  command(name, summary)
    .option('--nodes <n>', 'nodes', whole(1, JOB_LIMITS.traceNodesMaxCount), 64)
    .option('--per-node <n>', 'accelerators of each', whole(1, PER_NODE_MAX), 8)
    .option('--svg <file>', 'write a picture of which job had which accelerator when')
    .option('--json', 'everything as JSON');

export const philly = () =>
  jobsCommand('philly', 'Replays jobs of Philly through the engine.')
    .requiredOption('--jobs <csv>', 'jobs: timestamp,duration,num_gpus,cluster; may be compressed (.gz)')
    .option('--first <n>', 'the first N jobs only', whole(1, JOB_LIMITS.traceJobsMaxCount), JOB_LIMITS.traceJobsMaxCount)
    .action(async (flags: PhillyFlags) => {
      const file = await readInput('jobs', flags.jobs);
      await simulate(file.name, accept(readPhilly(file)).slice(0, flags.first), flags);
    });

export const load = () =>
  jobsCommand('load', 'Runs generated jobs through the engine: waits, use, a picture.')
    .option('--jobs <n>', 'jobs that come', whole(1, JOB_LIMITS.traceJobsMaxCount), 2_000)
    .option('--load <part>', 'the resources they request, as a share of the capacity', positive(100), 0.9)
    .option('--owners <n>', 'owners of the jobs, each with a queue', whole(1, 1_000), 4)
    .option('--seed <n>', 'seed of the generator', whole(1, 2 ** 31 - 1), 1)
    .action(async (flags: LoadFlags) => {
      const chance = new Chance(flags.seed);
      const shape = { jobs: flags.jobs, accelerators: flags.nodes * flags.perNode, load: flags.load, owners: flags.owners };
      await simulate(
        `load of ${flags.load}, seed ${flags.seed}`,
        generatedLoad(shape, () => chance.next()),
        flags,
      );
    });

async function simulate(name: string, jobs: readonly TracedJob[], flags: Flags): Promise<void> {
  const cluster: ReplayCluster = { nodes: flags.nodes, acceleratorsPerNode: flags.perNode };
  const bars: Bar[] = [];
  const owners = [...new Set(jobs.map(({ owner }) => owner))].toSorted();
  const { acceleratorsPerNode } = cluster;
  const startedMs = process.cpuUsage().user / 1_000;
  const result = replayJobs(jobs, cluster, {
    stayed({ job, node, mask, fromMs, toMs }) {
      if (flags.svg === undefined) return;
      const { owner, accelerators } = jobs[job] ?? { owner: '', accelerators: 0 };
      for (let index = 0; index < acceleratorsPerNode; index++) {
        if (((mask >> index) & 1) === 0) continue;
        const title = `job ${job} of ${owner}, ${accelerators} accelerators`;
        bars.push({ lane: node * acceleratorsPerNode + index, from: fromMs / 3.6e6, to: toMs / 3.6e6, kind: owners.indexOf(owner), title });
      }
    },
  });
  const cpuMs = process.cpuUsage().user / 1_000 - startedMs;
  if (flags.svg !== undefined) {
    await writeFile(flags.svg, ganttSvg({ title: name, unit: 'hours', lanes: cluster.nodes * acceleratorsPerNode, bars }));
  }
  if (flags.json === true)
    console.log(JSON.stringify({ name, jobs: jobs.length, owners: owners.length, cluster, ...result, cpuMs }, null, 2));
  else console.log(report(name, jobs.length, owners.length, cluster, result, cpuMs));
}

function report(name: string, jobs: number, owners: number, cluster: ReplayCluster, result: ReplayResult, cpuMs: number): string {
  return [
    `${name}: ${jobs} jobs of ${owners} owners on ${cluster.nodes} nodes of ${cluster.acceleratorsPerNode}`,
    `  finished          ${result.finished}${result.impossible > 0 ? `; ${result.impossible} request more than the capacity` : ''}`,
    `  wait              mean ${hours(result.meanWaitMs)}, p99 ${hours(result.p99WaitMs)}`,
    `  completion time   mean ${hours(result.meanCompletionMs)}; the last ends after ${hours(result.makespanMs)}`,
    `  in use            ${(100 * result.utilisation).toFixed(1)} % of all accelerators' time up to then`,
    `${(cpuMs / 1_000).toFixed(2)} s of CPU, ${(cpuMs / Math.max(1, jobs)).toFixed(2)} ms a job`,
  ].join('\n');
}

const hours = (ms: number): string => `${(ms / 3.6e6).toFixed(2)} h`;
