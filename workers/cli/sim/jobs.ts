import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { LIMITS } from '../../../src/contract/limits.ts';
import { generatedLoad } from '../../../src/scheduler/simulator/load/generated-load.ts';
import type { TracedJob } from '../../../src/scheduler/simulator/load/job-trace.ts';
import { readPhilly } from '../../../src/scheduler/simulator/load/read-philly.ts';
import type { ReplayCluster, ReplayResult } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import { replayJobs } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import type { Bar } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { ganttSvg } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { Chance } from '../chance.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../command.ts';
import { accept, readInput } from './read-input.ts';

const SHARED = `  --nodes N           nodes (default 64)
  --per-node N        accelerators of each (default 8)
  --svg FILE          writes a picture of who had which accelerator when
  --json              everything as JSON
`;

const PHILLY_USAGE = `usage: sluice sim philly --jobs CSV [options]

  --jobs CSV          jobs: timestamp,duration,num_gpus,cluster; may be compressed (.gz)
  --first N           the first N jobs only
${SHARED}`;

const LOAD_USAGE = `usage: sluice sim load [options]

  --jobs N            jobs that come (default 2000)
  --load PART         what they ask for, as a part of what there is (default 0.9)
  --owners N          whose they are, each with a queue (default 4)
  --seed N            (default 1)
${SHARED}`;

const OPTIONS = {
  nodes: { type: 'string', default: '64' },
  'per-node': { type: 'string', default: '8' },
  svg: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** Replays jobs of Philly through the engine. */
export const philly: Command = async (args) => {
  const options = { ...OPTIONS, jobs: { type: 'string' }, first: { type: 'string', default: String(LIMITS.traceJobsMaxCount) } } as const;
  const { values: flags } = parseArgs({ args: [...args], options });
  const cluster = clusterOf(flags, PHILLY_USAGE);
  const first = whole('first', flags.first, LIMITS.traceJobsMaxCount, PHILLY_USAGE);
  const file = await readInput('jobs', flags.jobs, PHILLY_USAGE);
  return simulate(file.name, accept(readPhilly(file)).slice(0, first), cluster, flags);
};

/** Runs jobs that are made up through the engine. */
export const load: Command = async (args) => {
  const options = {
    ...OPTIONS,
    jobs: { type: 'string', default: '2000' },
    load: { type: 'string', default: '0.9' },
    owners: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  } as const;
  const { values: flags } = parseArgs({ args: [...args], options });
  const cluster = clusterOf(flags, LOAD_USAGE);
  const part = /^\d+(\.\d+)?$/.test(flags.load) ? Number(flags.load) : 0;
  if (!(part > 0 && part <= 100)) throw new UsageError(`--load: "${flags.load}" is not a number above 0, up to 100\n\n${LOAD_USAGE}`);
  const chance = new Chance(whole('seed', flags.seed, 2 ** 31 - 1, LOAD_USAGE));
  const shape = {
    jobs: whole('jobs', flags.jobs, LIMITS.traceJobsMaxCount, LOAD_USAGE),
    accelerators: cluster.nodes * cluster.acceleratorsPerNode,
    load: part,
    owners: whole('owners', flags.owners, 1_000, LOAD_USAGE),
  };
  const jobs = generatedLoad(shape, () => chance.next());
  return simulate(`load of ${flags.load}, seed ${flags.seed}`, jobs, cluster, flags);
};

async function simulate(
  name: string,
  jobs: readonly TracedJob[],
  cluster: ReplayCluster,
  flags: { readonly svg?: string | undefined; readonly json: boolean },
): Promise<number> {
  const bars: Bar[] = [];
  const owners = [...new Set(jobs.map(({ owner }) => owner))].toSorted();
  const { acceleratorsPerNode } = cluster;
  const startedMs = process.cpuUsage().user / 1_000;
  const result = replayJobs(jobs, cluster, ({ job, node, mask, fromMs, toMs }) => {
    if (flags.svg === undefined) return;
    const { owner, accelerators } = jobs[job] ?? { owner: '', accelerators: 0 };
    for (let index = 0; index < acceleratorsPerNode; index++) {
      if (((mask >> index) & 1) === 0) continue;
      const title = `job ${job} of ${owner}, ${accelerators} accelerators`;
      bars.push({ lane: node * acceleratorsPerNode + index, from: fromMs / 3.6e6, to: toMs / 3.6e6, kind: owners.indexOf(owner), title });
    }
  });
  const cpuMs = process.cpuUsage().user / 1_000 - startedMs;
  if (flags.svg !== undefined) {
    await writeFile(flags.svg, ganttSvg({ title: name, unit: 'hours', lanes: cluster.nodes * acceleratorsPerNode, bars }));
  }
  if (flags.json) console.log(JSON.stringify({ name, jobs: jobs.length, owners: owners.length, cluster, ...result, cpuMs }, null, 2));
  else console.log(report(name, jobs.length, owners.length, cluster, result, cpuMs));
  return 0;
}

function report(name: string, jobs: number, owners: number, cluster: ReplayCluster, result: ReplayResult, cpuMs: number): string {
  return [
    `${name}: ${jobs} jobs of ${owners} owners on ${cluster.nodes} nodes of ${cluster.acceleratorsPerNode}`,
    `  finished          ${result.finished}${result.impossible > 0 ? `; ${result.impossible} ask for more than there is` : ''}`,
    `  wait              mean ${hours(result.meanWaitMs)}, p99 ${hours(result.p99WaitMs)}`,
    `  completion time   mean ${hours(result.meanCompletionMs)}; the last ends after ${hours(result.makespanMs)}`,
    `  in use            ${(100 * result.utilisation).toFixed(1)} % of all accelerators' time up to then`,
    `${(cpuMs / 1_000).toFixed(2)} s of CPU, ${(cpuMs / Math.max(1, jobs)).toFixed(2)} ms a job`,
  ].join('\n');
}

function clusterOf(flags: { readonly nodes: string; readonly 'per-node': string }, usage: string): ReplayCluster {
  return {
    nodes: whole('nodes', flags.nodes, LIMITS.traceNodesMaxCount, usage),
    acceleratorsPerNode: whole('per-node', flags['per-node'], 16, usage),
  };
}

function whole(flag: string, text: string, max: number, usage: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new UsageError(`--${flag}: "${text}" is not a whole number from 1 to ${max}\n\n${usage}`);
  return value;
}

const hours = (ms: number): string => `${(ms / 3.6e6).toFixed(2)} h`;
