import { writeFile } from 'node:fs/promises';
import { Option, InvalidArgumentError } from 'commander';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { PUBLISHED_FGD } from '../../../src/scheduler/simulator/openb/fgd.ts';
import { readOpenb } from '../../../src/scheduler/simulator/openb/read-openb.ts';
import type { Mark, OpenbStudy } from '../../../src/scheduler/simulator/openb/study.ts';
import { MARKS, studyOpenb } from '../../../src/scheduler/simulator/openb/study.ts';
import { curvesSvg } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { Chance } from './chance.ts';
import { command } from '../command/command.ts';
import { accept, readInput } from './read-input.ts';

interface Flags {
  readonly nodes: string;
  readonly pods: string;
  readonly seeds: readonly number[];
  readonly svg?: string;
  readonly json?: boolean;
}

const SEEDS = '42..51';

export const openb = () =>
  command('openb', 'Replays an openb trace: how many accelerators are allocated, compared with FGD.')
    .requiredOption('--nodes <csv>', 'nodes: sn,cpu_milli,memory_mib,gpu,model')
    .requiredOption('--pods <csv>', 'jobs: name,cpu_milli,memory_mib,num_gpu,gpu_milli and, if there is one, gpu_spec')
    .addOption(new Option('--seeds <range>', 'orders of arrival').argParser(seedsOf).default(seedsOf(SEEDS), SEEDS))
    .option('--svg <file>', 'write a picture of what is allocated as jobs arrive, for the first seed')
    .option('--json', 'everything as JSON')
    .action(replayArrivals);

/** Replays arrivals of an openb trace by the protocol published with FGD, with our placement and with FGD's. */
async function replayArrivals(flags: Flags): Promise<void> {
  const { seeds } = flags;
  const pods = await readInput('pods', flags.pods);
  const trace = accept(readOpenb(await readInput('nodes', flags.nodes), pods));
  const startedMs = process.cpuUsage().user / 1_000;
  const curves: { name: string; points: readonly (readonly [number, number])[] }[] = [];
  const study = studyOpenb(trace, seeds, chanceOf, (seed, policy, { curve }) => {
    const points = curve.map(({ arrivedPct, allocatedPct }) => [arrivedPct / 100, allocatedPct / 100] as const);
    if (seed === seeds[0]) curves.push({ name: policy === 'fgd' ? 'FGD, replica' : 'Sluice', points });
  });
  const cpuMsPerReplay = (process.cpuUsage().user / 1_000 - startedMs) / study.results.length;
  const name = /^openb_pod_list_(\w+)\.csv$/.exec(pods.name)?.[1] ?? pods.name;
  const published = PUBLISHED_FGD[name] ?? null;
  const accelerators = trace.nodes.reduce((sum, { acceleratorCount }) => sum + acceleratorCount, 0);
  const size = { trace: name, nodes: trace.nodes.length, accelerators, pods: trace.pods.length, shapes: trace.shapes.length };
  if (flags.svg !== undefined) await writeFile(flags.svg, curvesSvg(`${name}, seed ${seeds[0]}: accelerators allocated`, curves));
  if (flags.json === true) console.log(JSON.stringify({ ...size, seeds, published_fgd: published, ...study, cpuMsPerReplay }, null, 2));
  else {
    console.log(`${name}: ${size.nodes} nodes, ${accelerators} accelerators, ${size.pods} jobs of ${size.shapes} shapes`);
    console.log(report(study, seeds, published));
    console.log(`${(cpuMsPerReplay / 1_000).toFixed(2)} s of CPU a replay`);
  }
}

function report({ summary, pairedWins }: OpenbStudy, seeds: readonly number[], published: Readonly<Record<Mark, number>> | null): string {
  return [
    `accelerators allocated, %, mean of ${seeds.length} seeds (deviation)`,
    line('arrived', (mark) => `${mark} %`),
    ...summary.map(({ policy, mean, deviation }) =>
      line(policy === 'fgd' ? 'FGD, replica' : 'Sluice', (mark) => `${mean[mark].toFixed(2)} (${deviation[mark].toFixed(2)})`),
    ),
    ...(published === null ? [] : [line('FGD, published', (mark) => published[mark].toFixed(2))]),
    line('seeds on which Sluice leads', (mark) => `${pairedWins[mark]} of ${seeds.length}`),
  ].join('\n');
}

const line = (title: string, cell: (mark: Mark) => string): string =>
  `  ${title.padEnd(28)}${MARKS.map((mark) => cell(mark).padStart(16)).join('')}`;

function chanceOf(seed: number): () => number {
  const chance = new Chance(seed);
  return () => chance.next();
}

/** Seeds as `42..51`, `7`, or `1,5,9..11`. */
export function seedsOf(text: string): readonly number[] {
  const seeds: number[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(part);
    const [first, last] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? match?.[1] ?? Number.NaN)];
    if (!(first <= last)) throw new InvalidArgumentError(`"${part}" is not a seed or a range of seeds such as 42..51.`);
    if (seeds.length + last - first >= JOB_LIMITS.traceSeedsMaxCount) {
      throw new InvalidArgumentError(`They are more than traceSeedsMaxCount, ${JOB_LIMITS.traceSeedsMaxCount}.`);
    }
    for (let seed = first; seed <= last; seed++) seeds.push(seed);
  }
  return seeds;
}
