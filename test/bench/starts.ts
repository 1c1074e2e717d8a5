import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { Seeded } from '../../src/kernel/seeded.ts';
import type { TracedJob } from '../../src/scheduler/simulator/load/traced-jobs.ts';
import { readPhilly } from '../../src/scheduler/simulator/load/traced-jobs.ts';
import { recurringLoad, replayedStarts } from '../support/worlds/replayed-starts.ts';
import { valueOf } from './placement/trace-file.ts';

const CLUSTER = { nodes: 4, acceleratorsPerNode: 8 };
const ACCELERATORS = CLUSTER.nodes * CLUSTER.acceleratorsPerNode;

/** Of a trace: jobs of one stretch, thinned to what the cluster is asked for. */
const STRETCH = { from: 20_000, jobs: 20_000, load: 1.5 };

/**
 * When waiting jobs are foreseen to start, against when they do: jobs of a few kinds that come again and again, of one owner and of three, and, under
 * `--data DIR`, a stretch of `philly/philly.csv.gz`. About a thousand starts each, or a tenth with `--quick`. Prints a line of JSON a load.
 */
export async function startsBench({
  data,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  const rng = new Seeded(11);
  const every = quick ? 20 : 4;
  for (const [owners, kinds] of [
    [1, 6],
    [3, 9],
  ] as const) {
    const load = { jobs: quick ? 500 : 4_200, accelerators: ACCELERATORS, load: 1.02, owners, kinds, spread: 0.5 };
    const jobs = recurringLoad(load, () => rng.next());
    console.log(JSON.stringify({ trace: 'recurring', owners, kinds, ...replayedStarts(jobs, CLUSTER, every, 1_000) }));
  }
  if (data === undefined) return console.log('without --data DIR, a folder with philly/philly.csv.gz, no trace is replayed');
  const text = gunzipSync(await readFile(join(data, 'philly', 'philly.csv.gz'))).toString();
  const jobs = thinned(valueOf(readPhilly({ name: 'philly.csv', text })), () => rng.next());
  console.log(JSON.stringify({ trace: 'philly', jobs: jobs.length, ...replayedStarts(jobs, CLUSTER, every, 1_000) }));
}

function thinned(all: readonly TracedJob[], chance: () => number): readonly TracedJob[] {
  const stretch = all.slice(STRETCH.from, STRETCH.from + STRETCH.jobs).filter(({ accelerators }) => accelerators <= ACCELERATORS);
  const firstMs = stretch[0]?.arrivalMs ?? 0;
  const workMs = stretch.reduce((sum, job) => sum + job.durationMs * job.accelerators, 0);
  const kept = (STRETCH.load * ACCELERATORS * ((stretch.at(-1)?.arrivalMs ?? 0) - firstMs)) / workMs;
  return stretch.filter(() => chance() < kept).map((job) => ({ ...job, arrivalMs: job.arrivalMs - firstMs }));
}
