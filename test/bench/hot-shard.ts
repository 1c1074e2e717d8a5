import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_LIMITS } from '../../src/contract/api/api-limits.ts';
import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import { bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { freePort } from '../support/deployment/free-port.ts';
import type { HotShardResult } from '../support/worlds/hot-shard-simulation.ts';
import { HotShardSimulation, quantileMs } from '../support/worlds/hot-shard-simulation.ts';
import type { ReplicaTask } from '../support/fakes/replica-task.ts';
import type { Seeded } from '../../src/kernel/seeded.ts';
import { serveObjects } from './raw-workerd.ts';
import type { RawWorkerd } from './raw-workerd.ts';

const DIMENSIONS = 100;
const QUERIES = 400;
const COPIES = 3;
const SHARDS = 16;
const ZIPF = 1.1;
/** Load of the hottest shard, relative to its capacity. */
const UTILISATIONS = [0.7, 0.9, 1.1, 2];
const PHASE_SECONDS = 120;
const COLD_SECONDS = 420;
const OVERLOADS = [1.1, 2];
const OVERLOAD_SECONDS = 60;
/** No replica is ready before this. */
const OVERLOAD_UNTIL_S = 12;
const DEADLINES_MS = [100, API_LIMITS.queryDeadlineDefaultMs];
const HEDGED_REPLICAS = 2;
const HEDGED_LOAD = 0.3;

interface Measured {
  readonly queryMs: number;
  readonly replicaQueryMs: number;
  readonly copyWallMs: number;
  readonly copyCpuMs: number;
}

/**
 * A hot shard, before and after it gets replicas. All objects of one workerd share one thread, where replicas gain nothing. So the costs of a
 * query and of a copy are measured in workerd, and fed to a queueing simulation around the real member choice, hedging and replica policy.
 */
export async function hotShardBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const vectors = quick ? 5_000 : 50_000;
  await bundleEntry('replicas-bench', join(ROOT, 'test/workerd/replicas-bench/worker.ts'));
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
  const port = await freePort();
  const workerd = await serveObjects('replicas-bench', { SHARD: 'ShardObject', REPLICA: 'ReplicaObject' }, stateDir, port);
  try {
    const measured = await measure(workerd, `http://127.0.0.1:${port}`, vectors);
    console.log(`one shard of ${vectors} vectors of ${DIMENSIONS} dimensions in workerd, load ${loadavg()[0]?.toFixed(1)}`);
    console.table([measured]);
    const rows = [];
    for (const utilisation of quick ? UTILISATIONS.slice(1, 2) : UTILISATIONS) rows.push(await simulate(measured, vectors, utilisation));
    console.log(`${SHARDS} shards under Zipf ${ZIPF}, ${PHASE_SECONDS} s hot, then cold: simulated with those times`);
    console.table(rows);
    const overloads = [];
    for (const utilisation of quick ? [] : OVERLOADS)
      for (const budgetMs of DEADLINES_MS) overloads.push(...(await overload(measured, vectors, utilisation, budgetMs)));
    console.log('the same without and with turns');
    console.table(overloads);
    const hedging = [];
    for (const [times, serviceMs] of Object.entries(serviceTimes(measured.queryMs)))
      for (const hasHedges of [false, true]) hedging.push(await hedge(times, serviceMs, measured.queryMs, hasHedges));
    console.log(`one shard with ${HEDGED_REPLICAS} replicas, each ${HEDGED_LOAD} busy: simulated without and with hedges`);
    console.table(hedging);
    console.log(JSON.stringify({ bench: 'hot-shard', vectors, load: loadavg(), measured, rows, overloads, hedging }));
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Distributions of service times: uniform (by the lists probed), with a stall in one of a hundred, or over orders of magnitude. */
const serviceTimes = (queryMs: number): Record<string, (random: Seeded) => number> => ({
  alike: (random) => queryMs * (0.5 + random.next()),
  stalls: (random) => queryMs * (0.5 + random.next() + (random.next() < 0.01 ? 12 : 0)),
  'heavy tail': (random) => 0.46 * queryMs * Math.exp(2.5 * (random.next() + random.next() + random.next() - 1.5)),
});

async function hedge(times: string, serviceMs: (random: Seeded) => number, queryMs: number, hasHedges: boolean): Promise<object> {
  const latenciesMs: number[] = [];
  let [hedges, won, calls] = [0, 0, 0];
  for (let seed = 1; seed <= 4; seed += 1) {
    const phases = [{ seconds: 55, qps: (HEDGED_LOAD * (HEDGED_REPLICAS + 1) * 1_000) / queryMs }];
    const replicas = { hasReplicas: false, replicasAtFirst: HEDGED_REPLICAS, pageMs: 0, pages: 0 };
    const network = { networkMs: (random: Seeded) => 0.5 + random.next() };
    const run = await new HotShardSimulation({ shards: 1, zipf: 1, phases, serviceMs, ...network, ...replicas, hasHedges, seed }).run();
    latenciesMs.push(...run.seconds.slice(5).flatMap((second) => second.latenciesMs));
    hedges += run.hedges;
    won += run.hedgesWon;
    calls += run.calls;
  }
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => Number(quantileMs(latenciesMs, share).toFixed(1)));
  const wonShare = hedges === 0 ? null : Math.round((100 * won) / hedges);
  return {
    times,
    hedges: hasHedges,
    p50,
    p99,
    'p99.9': p999,
    'hedged, %': Number(((100 * hedges) / calls).toFixed(2)),
    'won, %': wonShare,
  };
}

/** Measures the CPU of queries and of copies. */
async function measure(workerd: RawWorkerd, url: string, vectors: number): Promise<Measured> {
  const call = async <T>(task: Omit<ReplicaTask, 'dimensions'>): Promise<T> => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ dimensions: DIMENSIONS, ...task }) });
    return (await response.json()) as T;
  };
  const cpuMsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = await workerd.cpuS();
    await work();
    return ((await workerd.cpuS()) - before) * 1_000;
  };
  for (let from = 0; from < vectors; from += 1_000) await call({ kind: 'fill', count: 1_000, from });
  await call({ kind: 'search', count: 50 });
  const queryMs = (await cpuMsOf(() => call({ kind: 'search', count: QUERIES }))) / QUERIES;
  const [wallsMs, cpusMs]: [number[], number[]] = [[], []];
  for (let replica = 1; replica <= COPIES; replica += 1) {
    const startedMs = performance.now();
    cpusMs.push(
      await cpuMsOf(async () => {
        await call({ kind: 'copy', count: 0, replica });
        while ((await call<{ completeLsn: number | null }>({ kind: 'state', count: 0, replica })).completeLsn === null) await sleep(10);
      }),
    );
    wallsMs.push(performance.now() - startedMs);
  }
  await call({ kind: 'search', count: 50, replica: 1 });
  const replicaQueryMs = (await cpuMsOf(() => call({ kind: 'search', count: QUERIES, replica: 1 }))) / QUERIES;
  return { queryMs, replicaQueryMs, copyWallMs: quantileMs(wallsMs, 0.5), copyCpuMs: quantileMs(cpusMs, 0.5) };
}

/** Options of a simulation in which the hottest shard gets `utilisation` times its capacity. */
function hotShards({ queryMs, copyCpuMs }: Measured, vectors: number, utilisation: number) {
  const weights = Array.from({ length: SHARDS }, (_, k) => 1 / (k + 1) ** ZIPF);
  const share = 1 / weights.reduce((sum, weight) => sum + weight, 0);
  const pages = Math.ceil(vectors / VECTOR_LIMITS.changePageMaxCount);
  return {
    qps: (utilisation * 1_000) / (queryMs * share),
    shards: SHARDS,
    zipf: ZIPF,
    // Searches differ by the lists they probe and the rows they read.
    serviceMs: (random: Seeded) => queryMs * (0.5 + random.next()),
    networkMs: (random: Seeded) => 0.5 + random.next(),
    // The CPU of a copy is that of primary and replica together.
    pageMs: copyCpuMs / pages / 2,
    pages,
    seed: 1,
  };
}

async function simulate(measured: Measured, vectors: number, utilisation: number): Promise<object> {
  const { qps, ...options } = hotShards(measured, vectors, utilisation);
  const hot = { seconds: PHASE_SECONDS, qps };
  const plain = await new HotShardSimulation({ ...options, phases: [hot], hasReplicas: false }).run();
  const phases = [hot, { seconds: COLD_SECONDS, qps: qps / 20 }];
  const replicated = await new HotShardSimulation({ ...options, phases, hasReplicas: true }).run();
  const retired = replicated.seconds.find(({ second, replicas }) => second > PHASE_SECONDS && replicas === 0);
  return {
    'load of the hottest': utilisation,
    'queries/s': Math.round(qps),
    'p99 before, ms': tailMs(plain),
    'p99 after, ms': tailMs(replicated),
    replicas: Math.max(...replicated.seconds.map(({ replicas }) => replicas)),
    'first ready, s': seconds(replicated.readyAfterMs),
    'all retired, s after': retired === undefined ? null : retired.second - PHASE_SECONDS,
    'hedged, %': Number(((100 * replicated.hedges) / replicated.calls).toFixed(1)),
    failed: replicated.failed,
  };
}

/** The first minute of an overload, with objects that serve reads in order of arrival, and with objects that order them by deadline. */
async function overload(measured: Measured, vectors: number, utilisation: number, budgetMs: number): Promise<object[]> {
  const { qps, ...options } = hotShards(measured, vectors, utilisation);
  const rows = [];
  for (const hasTurns of [false, true]) {
    const phases = [{ seconds: OVERLOAD_SECONDS, qps }];
    const run = await new HotShardSimulation({ ...options, phases, hasReplicas: true, budgetMs, hasTurns }).run();
    const answered = run.seconds.slice(2, OVERLOAD_UNTIL_S).flatMap(({ latenciesMs }) => latenciesMs);
    rows.push({
      'load of the hottest': utilisation,
      'deadline, ms': budgetMs,
      turns: hasTurns,
      'answered before replicas, %': Number(((100 * answered.length) / (qps * (OVERLOAD_UNTIL_S - 2))).toFixed(1)),
      'their p99, ms': Number(quantileMs(answered, 0.99).toFixed(1)),
      'first ready, s': seconds(run.readyAfterMs),
      'failed in a minute': run.failed,
    });
  }
  return rows;
}

/** Of the last third of the hot phase. */
function tailMs({ seconds: all }: HotShardResult): number {
  const last = all.filter(({ second }) => second >= (2 * PHASE_SECONDS) / 3 && second < PHASE_SECONDS);
  return Number(
    quantileMs(
      last.flatMap(({ latenciesMs }) => latenciesMs),
      0.99,
    ).toFixed(1),
  );
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms / 100) / 10);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
