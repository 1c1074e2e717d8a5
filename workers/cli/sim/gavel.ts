import { writeFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';

import { readGavel } from '../../../src/scheduler/simulator/gavel/read-gavel.ts';
import type { Stay } from '../../../src/scheduler/simulator/gavel/rounds.ts';
import type { GavelRow } from '../../../src/scheduler/simulator/gavel/study.ts';
import { PUBLISHED_GAVEL, studyGavel } from '../../../src/scheduler/simulator/gavel/study.ts';
import { ganttSvg, lanesFor } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { command, positive, UsageError } from '../command/command.ts';
import { accept, readInput } from './read-input.ts';

/** Assigning types takes time with the cube of how many there are. */
const TYPES_MAX = 16;

interface Flags {
  readonly throughputs: string;
  readonly jobs: string;
  readonly rate: readonly number[];
  readonly cluster: ReadonlyMap<string, number>;
  readonly measure: Range;
  readonly round: number;
  readonly checkpoint: number;
  readonly svg?: string;
  readonly json?: boolean;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

const CLUSTER = 'v100=36,p100=36,k80=36';
const MEASURED = '4000..5000';

export const gavel = () =>
  command('gavel', 'Runs jobs on accelerators of several types: how long they take, compared with Gavel.')
    .requiredOption('--throughputs <json>', 'steps a second by type and job, as published with Gavel')
    .requiredOption('--jobs <csv>', 'jobs: job_id,arrival_unit,job_type,scale_factor,total_steps')
    .option('--rate <list>', 'jobs an hour', (text) => text.split(',').map(positive()), [5.6])
    .addOption(new Option('--cluster <list>', 'accelerators by type').argParser(clusterOf).default(clusterOf(CLUSTER), CLUSTER))
    .addOption(
      new Option('--measure <range>', 'jobs measured, by id, without the last').argParser(rangeOf).default(rangeOf(MEASURED), MEASURED),
    )
    .option('--round <s>', 'seconds of a round', positive(), 360)
    .option('--checkpoint <s>', 'seconds that a move costs in the second row', positive(), 60)
    .option('--svg <file>', 'write a picture of which job had which accelerator when, at the first rate')
    .option('--json', 'everything as JSON')
    .action(runJobs);

/** Runs jobs by Gavel's protocol for `continuous-single`, and compares with what was published. */
async function runJobs(flags: Flags): Promise<void> {
  const { rate: rates, cluster, round: roundS, checkpoint: checkpointS } = flags;
  const { from: fromId, to: toId } = flags.measure;
  const throughputs = await readInput('throughputs', flags.throughputs);
  const jobs = await readInput('jobs', flags.jobs);
  const trace = accept(readGavel(throughputs, jobs, [...cluster.keys()]));
  if (!trace.jobs.some(({ id }) => id >= fromId && id < toId)) {
    throw new UsageError(`--measure: ${jobs.name} has no job ${fromId}..${toId}`);
  }
  const places = [...cluster.values()];
  const startedMs = process.cpuUsage().user / 1_000;
  const stays: Stay[] = [];
  const rows = rates.flatMap((jobsPerHour) =>
    studyGavel(trace, { jobsPerHour, places, roundS, fromId, toId }, checkpointS, (stay) => {
      if (flags.svg !== undefined && jobsPerHour === rates[0]) stays.push(stay);
    }),
  );
  const cpuMs = process.cpuUsage().user / 1_000 - startedMs;
  if (flags.svg !== undefined) await writeFile(flags.svg, picture(`${jobs.name}, ${rates[0]} jobs an hour`, stays, trace.types, places));
  if (flags.json === true) {
    const setting = { jobs: trace.jobs.length, cluster: Object.fromEntries(cluster), roundS, measured: [fromId, toId] };
    console.log(JSON.stringify({ ...setting, rows, published_average_hours: PUBLISHED_GAVEL, cpuMs }, null, 2));
  } else {
    console.log(
      `${jobs.name}: ${trace.jobs.length} jobs, of which ${fromId} to ${toId - 1} are measured, on ${[...cluster].map(([type, count]) => `${type}=${count}`).join(',')}`,
    );
    for (const jobsPerHour of rates) console.log(report(jobsPerHour, rows));
    console.log(`${(cpuMs / 1_000 / rows.length).toFixed(2)} s of CPU a row`);
  }
}

function picture(title: string, stays: readonly Stay[], types: readonly string[], places: readonly number[]): string {
  const stretches = stays
    .toSorted((a, b) => a.fromS - b.fromS || a.jobId - b.jobId)
    .map(({ jobId, type, fromS, toS }) => ({
      group: type,
      from: fromS / 3_600,
      to: toS / 3_600,
      kind: jobId,
      title: `job ${jobId} on ${types[type]}`,
    }));
  const lanes = lanesFor(stretches, places);
  const bars = stretches.map(({ from, to, kind, title: name }, index) => ({ lane: lanes[index] ?? 0, from, to, kind, title: name }));
  return ganttSvg({ title, unit: 'hours', lanes: places.reduce((sum, count) => sum + count, 0), bars });
}

function report(jobsPerHour: number, rows: readonly GavelRow[]): string {
  const lines = rows
    .filter((row) => row.jobsPerHour === jobsPerHour)
    .map((row) => {
      const title =
        row.policy === 'fifo'
          ? 'FIFO, heterogeneity-aware, replica'
          : `Sluice${row.checkpointS > 0 ? `, a move costs ${row.checkpointS} s` : ''}`;
      const spread = `median ${row.medianHours.toFixed(2)}, p99 ${row.p99Hours.toFixed(0)}, longest ${row.longestHours.toFixed(0)}`;
      return `  ${title.padEnd(38)}${row.averageHours.toFixed(2).padStart(8)}   ${spread}; ${row.movesPerRound.toFixed(1)} moves a round`;
    });
  const published = PUBLISHED_GAVEL.flatMap(({ policy, hours }) => {
    const value = hours[String(jobsPerHour)];
    return value === undefined ? [] : [`  ${`${policy}, published`.padEnd(38)}${value.toFixed(2).padStart(8)}`];
  });
  return [`${jobsPerHour} jobs an hour: average completion time, hours`, ...lines, ...published].join('\n');
}

function clusterOf(text: string): ReadonlyMap<string, number> {
  const entries = text.split(',').map((part): [string, number] => {
    const match = /^(\w+)=(\d{1,5})$/.exec(part);
    if (match === null) throw new InvalidArgumentError(`"${part}" is not a type and a number, such as v100=36.`);
    return [match[1] ?? '', Number(match[2])];
  });
  const cluster = new Map(entries);
  if (cluster.size !== entries.length || cluster.size > TYPES_MAX || [...cluster.values()].includes(0)) {
    throw new InvalidArgumentError(`It names a type twice or without accelerators, or more than ${TYPES_MAX} types.`);
  }
  return cluster;
}

function rangeOf(text: string): Range {
  const match = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (!(from < to)) throw new InvalidArgumentError(`It is not a range of jobs such as ${MEASURED}.`);
  return { from, to };
}
