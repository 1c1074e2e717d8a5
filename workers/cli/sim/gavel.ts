import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { PUBLISHED_GAVEL } from '../../../src/scheduler/simulator/gavel/published-gavel.ts';
import { readGavel } from '../../../src/scheduler/simulator/gavel/read-gavel.ts';
import type { Stay } from '../../../src/scheduler/simulator/gavel/rounds.ts';
import type { GavelRow } from '../../../src/scheduler/simulator/gavel/study.ts';
import { studyGavel } from '../../../src/scheduler/simulator/gavel/study.ts';
import { ganttSvg } from '../../../src/scheduler/simulator/picture/gantt.ts';
import { lanesFor } from '../../../src/scheduler/simulator/picture/lanes.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../command.ts';
import { accept, readInput } from './read-input.ts';

const USAGE = `usage: sluice sim gavel --throughputs JSON --jobs CSV [options]

  --throughputs JSON   steps a second by type and job, as published with Gavel
  --jobs CSV           jobs: job_id,arrival_unit,job_type,scale_factor,total_steps
  --rate R[,R..]       jobs an hour (default 5.6)
  --cluster T=N,..     accelerators by type (default v100=36,p100=36,k80=36)
  --measure A..B       jobs measured, by id, without the last (default 4000..5000)
  --round S            seconds of a round (default 360)
  --checkpoint S       what a move costs in the second row, seconds (default 60)
  --svg FILE           writes a picture of who had which accelerator when, at the first rate
  --json               everything as JSON
`;

/** Assigning types takes time with the cube of how many there are. */
const TYPES_MAX = 16;

const OPTIONS = {
  throughputs: { type: 'string' },
  jobs: { type: 'string' },
  rate: { type: 'string', default: '5.6' },
  cluster: { type: 'string', default: 'v100=36,p100=36,k80=36' },
  measure: { type: 'string', default: '4000..5000' },
  round: { type: 'string', default: '360' },
  checkpoint: { type: 'string', default: '60' },
  svg: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** Runs jobs by Gavel's protocol for `continuous-single`, beside what was published. */
export const gavel: Command = async (args) => {
  const { values: flags } = parseArgs({ args: [...args], options: OPTIONS });
  const rates = flags.rate.split(',').map((text) => positive('rate', text));
  const cluster = clusterOf(flags.cluster);
  const [fromId = 0, toId = 0] = rangeOf(flags.measure);
  const roundS = positive('round', flags.round);
  const checkpointS = positive('checkpoint', flags.checkpoint);
  const throughputs = await readInput('throughputs', flags.throughputs, USAGE);
  const jobs = await readInput('jobs', flags.jobs, USAGE);
  const trace = accept(readGavel(throughputs, jobs, [...cluster.keys()]));
  if (!trace.jobs.some(({ id }) => id >= fromId && id < toId)) throw new UsageError(`--measure: ${jobs.name} has no job ${flags.measure}`);
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
  if (flags.json) {
    const setting = { jobs: trace.jobs.length, cluster: Object.fromEntries(cluster), roundS, measured: [fromId, toId] };
    console.log(JSON.stringify({ ...setting, rows, published_average_hours: PUBLISHED_GAVEL, cpuMs }, null, 2));
  } else {
    console.log(`${jobs.name}: ${trace.jobs.length} jobs, of which ${fromId} to ${toId - 1} are measured, on ${flags.cluster}`);
    for (const jobsPerHour of rates) console.log(report(jobsPerHour, rows));
    console.log(`${(cpuMs / 1_000 / rows.length).toFixed(2)} s of CPU a row`);
  }
  return 0;
};

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

function positive(flag: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(value > 0)) throw new UsageError(`--${flag}: "${text}" is not a number above 0\n\n${USAGE}`);
  return value;
}

function clusterOf(text: string): ReadonlyMap<string, number> {
  const entries = text.split(',').map((part): [string, number] => {
    const match = /^(\w+)=(\d{1,5})$/.exec(part);
    if (match === null) throw new UsageError(`--cluster: "${part}" is not a type and a number, such as v100=36`);
    return [match[1] ?? '', Number(match[2])];
  });
  const cluster = new Map(entries);
  if (cluster.size !== entries.length || cluster.size > TYPES_MAX || [...cluster.values()].includes(0)) {
    throw new UsageError(`--cluster: "${text}" names a type twice or without accelerators, or more than ${TYPES_MAX} types`);
  }
  return cluster;
}

function rangeOf(text: string): readonly number[] {
  const match = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (!(from < to)) throw new UsageError(`--measure: "${text}" is not a range of jobs such as 4000..5000`);
  return [from, to];
}
