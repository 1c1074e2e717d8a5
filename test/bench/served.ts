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
import { BASELINE, LARGE_SCALE, SIZES } from './scheduler/kueue-suite.ts';
import { suiteWorld } from './served/suite-world.ts';
import type { SuiteResult } from './served/suite-run.ts';

/** Kueue's suites through the scheduler as it is served: durable writes, pools and their messages, in workerd, by the clock of this machine. */
export async function servedBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  await bundleEntry('scheduler-bench', join(ROOT, 'test/workerd/scheduler-bench/worker.ts'));
  await serve(BASELINE, 'BaselineScheduler', 40);
  if (!quick) await serve(LARGE_SCALE, 'LargeScaleScheduler', 200);
}

/** `scheduler`: the class that has the cohorts of the suite. */
async function serve(suite: Suite, scheduler: string, agentsPerPool: number): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-served-'));
  const port = await freePort();
  const workerd = await serveObjects(
    'scheduler-bench',
    { SCHEDULER: scheduler, POOL: 'PoolObject', BILLING: 'BillingObject', QUOTA: 'QuotaObject' },
    stateDir,
    port,
  );
  try {
    const result = await resultOf(port, { suite, agentsPerPool });
    report(suite, result, await workerd.cpuS());
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

function report(suite: Suite, { workloads, done, wallMs, waitMs, quotaUse, submitP99Ms, dropped }: SuiteResult, cpuS: number): void {
  const waits = SIZES.map((size) => (waitMs[size] / 1_000).toFixed(2)).join(' / ');
  console.log(`\n${suite.name}\n  ${suite.published}`);
  engineAlone(suite);
  cellAlone(suite);
  console.log(
    `  served ${(wallMs / 1_000).toFixed(1)} s, ${Math.round(workloads / (wallMs / 1_000))} workloads/s, ${(100 * quotaUse).toFixed(1)} % of quota in use, ` +
      `to admission ${waits} s; ${done} of ${workloads} done, ${dropped} attempts dropped; submit p99 ${submitP99Ms.toFixed(0)} ms; ` +
      `workerd CPU ${cpuS.toFixed(1)} s, ${((1_000 * cpuS) / workloads).toFixed(2)} ms a workload; load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
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
