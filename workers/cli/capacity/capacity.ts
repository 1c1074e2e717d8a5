import { parseArgs } from 'node:util';

import { shardBudget } from '../../../src/ann/engine/shard-budget.ts';
import { shardsMax } from '../../../src/ann/routing/shards-max.ts';
import { ASSUMPTIONS, assumed } from '../../../src/capacity/assumptions.ts';
import type { IndexDemand, IndexPlan } from '../../../src/capacity/index-plan.ts';
import { planIndex } from '../../../src/capacity/index-plan.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import { RECALL_TARGETS } from '../../../src/contract/recall-target.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../command.ts';
import type { SimulatedQueries } from './simulate.ts';
import { simulate } from './simulate.ts';

const USAGE = `usage: sluice capacity --vectors N --dims D --qps Q [options]

  --recall 0.95|0.99   what searches find of the nearest (default 0.95)
  --writes N           vectors written a second (default 0)
  --replicas N         copies of each shard beside the first (default 0); with one, slow calls are made to it again
  --deadline MS        after which a query is answered with what there is (default 50)
  --json               everything as JSON
  --assumptions        what all of it rests on, with sources
`;

const OPTIONS = {
  vectors: { type: 'string' },
  dims: { type: 'string' },
  qps: { type: 'string' },
  recall: { type: 'string', default: '0.95' },
  writes: { type: 'string', default: '0' },
  replicas: { type: 'string', default: '0' },
  deadline: { type: 'string', default: '50' },
  json: { type: 'boolean', default: false },
  assumptions: { type: 'boolean', default: false },
} as const;

// So many that the 99.9th percentile is told by twenty of them.
const QUERIES = 20_000;

/** What an index of that size and load takes: shards, memory, storage, objects, a month's bill and how long queries take. */
export const capacity: Command = async (args) => {
  const { values: flags } = parseArgs({ args: [...args], options: OPTIONS });
  if (flags.assumptions) {
    for (const [name, { value, unit, basis, source, date }] of Object.entries(ASSUMPTIONS)) {
      console.log(`${name.padEnd(28)} ${String(value).padStart(10)}  ${unit}\n${' '.repeat(41)}${basis}, ${date}: ${source}`);
    }
    return 0;
  }
  const demand = demandOf(flags);
  const deadlineMs = numberOf(flags, 'deadline', 1);
  const numbers = assumed();
  const plan = planIndex(demand, numbers);
  const isHedged = demand.replicas > 0;
  const latency =
    demand.qps === 0
      ? undefined
      : await simulate({ plan, assumed: numbers, qps: demand.qps, queries: QUERIES, deadlineMs, isHedged, seed: 1 });
  if (flags.json) console.log(JSON.stringify({ demand, plan, latency: latency ?? null, assumptions: ASSUMPTIONS }, null, 2));
  else console.log(report(demand, plan, latency, deadlineMs));
  return 0;
};

type Flags = Readonly<Record<string, string | boolean | undefined>>;

function demandOf(flags: Flags): IndexDemand {
  const recall = RECALL_TARGETS.find((target) => target === Number(flags['recall']));
  if (recall === undefined) throw new UsageError(`--recall must be one of ${RECALL_TARGETS.join(', ')}\n\n${USAGE}`);
  const dimensions = numberOf(flags, 'dims', LIMITS.dimensionsMinCount);
  if (dimensions > LIMITS.dimensionsMaxCount) throw new UsageError(`--dims is ${dimensions}; the most is ${LIMITS.dimensionsMaxCount}`);
  return {
    vectors: numberOf(flags, 'vectors', 1),
    dimensions,
    qps: numberOf(flags, 'qps', 0),
    writesPerSecond: numberOf(flags, 'writes', 0),
    recall,
    replicas: numberOf(flags, 'replicas', 0),
    shardVectorsMax: shardBudget({ dimensions }),
    shardsMax: shardsMax({ dimensions }),
    locators: LIMITS.locatorsCount,
    leavesMax: LEAVES_MAX,
  };
}

/** Shards that a gateway asks by itself. */
const LEAVES_MAX = 100;

function numberOf(flags: Flags, name: string, least: number): number {
  const text = flags[name];
  const value = typeof text === 'string' && /^\d[\d_]*(\.\d+)?(e\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (!(value >= least)) throw new UsageError(`--${name} must be a number from ${least}\n\n${USAGE}`);
  return value;
}

function report(demand: IndexDemand, plan: IndexPlan, latency: SimulatedQueries | undefined, deadlineMs: number): string {
  const divided: [string, string] = ['indexes', `${plan.indexes}, as one has ${count(shardsMax(demand))} shards at most; a query asks one`];
  const lines: [string, string][] = [
    ...(plan.indexes === 1 ? [] : [divided]),
    ['shards', `${count(plan.shards)} of ${count(plan.vectorsPerShard)} vectors`],
    [
      'objects',
      `${count(plan.objects)}: shards and replicas, ${count(plan.locators)} locators, ${plan.indexes === 1 ? 'the index' : 'the indexes'}`,
    ],
    ['memory', `${bytes(plan.memoryBytes)} if all is in memory; ${bytes(plan.memoryBytesPerShard)} a shard`],
    ['storage', bytes(plan.storageBytes)],
    [
      'a query',
      `asks ${plan.probes} shards, ${plan.leafMs.toFixed(2)} ms of CPU each; a shard is busy ${percent(plan.leafLoad)} of the time`,
    ],
    [
      'routing it',
      `${plan.routing.rankingMs.toFixed(2)} ms of CPU of the gateway, which holds what it needs of ${bytes(plan.routing.regionBytes)} of regions`,
    ],
    ['out of memory', `${percent(plan.coldShare)} of calls`],
  ];
  if (latency !== undefined) {
    const { p50Ms, p99Ms, p999Ms, partialShare } = latency;
    lines.push(['latency', `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, p99.9 ${p999Ms.toFixed(1)} ms (simulated)`]);
    lines.push(['partial answers', `${percent(partialShare)}, at a deadline of ${deadlineMs} ms`]);
  }
  lines.push(['a month', `${usd(plan.usdPerMonth)}; ${usd(plan.usdPerMillionQueries)} a million queries`]);
  for (const { what, usdPerMonth } of plan.bill) lines.push([`  ${what}`, usd(usdPerMonth)]);
  const title = `${count(demand.vectors)} vectors of ${demand.dimensions} numbers, ${count(demand.qps)} queries a second, recall ${demand.recall}`;
  return [title, '', ...lines.map(([name, value]) => `${name.padEnd(32)}${value}`)].join('\n');
}

const count = (value: number): string => value.toLocaleString('en-US');
const usd = (value: number): string => `$${value.toLocaleString('en-US', { maximumFractionDigits: 2, minimumFractionDigits: 2 })}`;
const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${(value / 1000 ** power).toPrecision(3)} ${units[power]}`;
}
