import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { serveObjects } from './raw-workerd.ts';
import { startsOfServedCell } from '../support/worlds/served-suite.ts';
import { cpuMs } from './scheduler/cpu-ms.ts';
import { engineAlone } from './scheduler/kueue.ts';
import type { Suite } from './scheduler/kueue-suite.ts';
import { BASELINE, LARGE_SCALE, quotaOf, SIZES } from './scheduler/kueue-suite.ts';
import { slurmIsMissing } from '../support/slurm/private-slurm.ts';
import type { StreamRow } from './served/slurm-stream.ts';
import { slurmStream, streamRow } from './served/slurm-stream.ts';
import { suiteWorld } from './served/suite-world.ts';
import type { SuiteResult } from './served/suite-run.ts';

/** Jobs that are over as soon as their agents have them, all submitted at once, in the cohorts of the baseline suite. */
const SHORT_JOBS: Suite = {
  ...BASELINE,
  name: '990 jobs that end at once',
  sets: [{ size: 'small', count: 33, everyMs: 0, runtimeMs: 0, priority: 50, units: 1 }],
};

interface ServedOptions {
  /** Only the baseline suite. */
  readonly quick?: boolean | undefined;
  /** The suite that is run alone, `baseline` or `large`, without the jobs beside Slurm. */
  readonly only?: string | undefined;
}

/** Kueue's suites through the scheduler as it is served: durable writes, pools and their messages, in workerd, by the clock of this machine. */
export async function servedBench({ quick = false, only }: ServedOptions): Promise<void> {
  const suites = SUITES.filter((_, n) => (only === undefined ? n === 0 || !quick : n === ONLY.indexOf(only)));
  if (suites.length === 0) throw new Error(`--only ${only}: give one of ${ONLY.join(', ')}`);
  await bundleEntry('scheduler-bench', join(ROOT, 'test/workerd/scheduler-bench/worker.ts'));
  if (only === undefined) await besideSlurm();
  for (const [suite, scheduler, agentsPerPool] of suites) {
    const { result, cpuS } = await served(suite, scheduler, agentsPerPool);
    report(suite, result, cpuS);
  }
}

/** The suites with the classes that have their cohorts. */
const SUITES: readonly (readonly [suite: Suite, scheduler: string, agentsPerPool: number])[] = [
  [BASELINE, 'BaselineScheduler', 40],
  [LARGE_SCALE, 'LargeScaleScheduler', 200],
];
const ONLY = ['baseline', 'large'];

/**
 * The same stream of short jobs through the served scheduler, whose agents start no processes, and a real Slurm, whose agents do. The state of
 * that Slurm lies in memory, and so does ours once.
 */
async function besideSlurm(): Promise<void> {
  const missing = await slurmIsMissing();
  const rows: StreamRow[] = [];
  for (const [where, folder] of [
    ['on disk', tmpdir()],
    ['in memory', IN_MEMORY],
  ] as const) {
    const { result, cpuS } = await served(SHORT_JOBS, 'BaselineScheduler', 10, folder);
    rows.push(streamRow(`served scheduler, pools, ledger; ${where}`, result.workloads, result.wallMs, cpuS));
  }
  if (missing === undefined) rows.push(await slurmStream(rows[0]?.jobs ?? 0, quotaOf(SHORT_JOBS)));
  console.log(`\n${SHORT_JOBS.name}, load ${loadavg()[0]?.toFixed(1)}${missing === undefined ? '' : `; no Slurm: ${missing}`}`);
  console.table(rows);
}

const IN_MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A suite that has not ended by then is reported as it is. */
const RUN_S_MAX = 400;

interface Served {
  readonly result: SuiteResult;
  readonly cpuS: number;
}

/** `scheduler`: the class that has the cohorts of the suite. */
async function served(suite: Suite, scheduler: string, agentsPerPool: number, folder = tmpdir()): Promise<Served> {
  const stateDir = await mkdtemp(join(folder, 'sluice-served-'));
  const port = await freePort();
  const workerd = await serveObjects(
    'scheduler-bench',
    { SCHEDULER: scheduler, POOL: 'PoolObject', BILLING: 'BillingObject', QUOTA: 'QuotaObject' },
    stateDir,
    port,
  );
  try {
    const result = await resultOf(port, { suite, agentsPerPool, limitMs: RUN_S_MAX * 1_000 });
    return { result, cpuS: await workerd.cpuS() };
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Runs a suite to its end. Not by `fetch`, which waits for five minutes at most: on a busy machine a suite takes longer. */
async function resultOf(port: number, body: object): Promise<SuiteResult> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, method: 'POST' }, resolve).once('error', reject).end(JSON.stringify(body));
  });
  const said = await text(answer);
  if (answer.statusCode !== 200) throw new Error(said);
  return JSON.parse(said) as SuiteResult;
}

function report(
  suite: Suite,
  { workloads, done, wallMs, waitMs, quotaUse, submitP99Ms, dropped, refused }: SuiteResult,
  cpuS: number,
): void {
  const waits = SIZES.map((size) => (waitMs[size] / 1_000).toFixed(2)).join(' / ');
  console.log(`\n${suite.name}\n  ${suite.published}`);
  console.log(
    `  served ${(wallMs / 1_000).toFixed(1)} s, ${Math.round(workloads / (wallMs / 1_000))} workloads/s, ${(100 * quotaUse).toFixed(1)} % of quota in use, ` +
      `to admission ${waits} s; ${done} of ${workloads} done, ${dropped} attempts dropped, ${refused} submissions to come again; submit p99 ${submitP99Ms.toFixed(0)} ms; ` +
      `workerd CPU ${cpuS.toFixed(1)} s, ${((1_000 * cpuS) / workloads).toFixed(2)} ms a workload; load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  engineAlone(suite);
  cellAlone(suite);
}

/** The durable cell in this process, over SQLite in memory and a simulated clock: the scheduler's share of what is served. */
function cellAlone(suite: Suite): void {
  const startedMs = cpuMs();
  const { length } = startsOfServedCell(suiteWorld(suite, 8));
  const tookMs = cpuMs() - startedMs;
  console.log(
    `  durable cell alone ${(tookMs / 1_000).toFixed(1)} s CPU, ${(tookMs / length).toFixed(3)} ms a workload, ${length} started`,
  );
}
