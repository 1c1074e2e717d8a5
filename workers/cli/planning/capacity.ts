import { InvalidArgumentError } from 'commander';

import { shardBudget, shardsMax } from '../../../src/index/resharding/shard-budget.ts';
import { ASSUMPTIONS, assumed } from '../../../src/capacity/assumptions.ts';
import type { IndexDemand, IndexPlan } from '../../../src/capacity/index-plan.ts';
import { planIndex } from '../../../src/capacity/index-plan.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { RECALL_TARGETS } from '../../../src/contract/indexes/index-settings.ts';
import { command } from '../command/command.ts';
import type { SimulatedQueries } from './simulate.ts';
import { simulate } from './simulate.ts';

// Enough that twenty of them lie beyond the 99.9th percentile.
const QUERIES = 20_000;

interface Flags {
  readonly vectors: number;
  readonly dims: number;
  readonly qps: number;
  readonly recall: (typeof RECALL_TARGETS)[number];
  readonly writes: number;
  readonly replicas: number;
  readonly deadline: number;
  readonly json?: boolean;
}

export const capacity = () =>
  command('capacity', 'Plans an index of a given size and load: shards, objects, memory, storage, monthly bill and latency.')
    .requiredOption('--vectors <n>', 'vectors, such as 300000000 or 3e8', number(1))
    .requiredOption('--dims <n>', 'numbers of each', number(INDEX_LIMITS.dimensionsMinCount, INDEX_LIMITS.dimensionsMaxCount))
    .requiredOption('--qps <n>', 'queries a second', number(0))
    .option('--recall <share>', `share of the nearest that searches find: ${RECALL_TARGETS.join(' or ')}`, recallOf, 0.95)
    .option('--writes <n>', 'vectors written a second', number(0), 0)
    .option('--replicas <n>', 'replicas of each shard; with one, slow calls are hedged to it', number(0), 0)
    .option('--deadline <ms>', 'time after which a query returns what it has', number(1), 50)
    .option('--json', 'everything as JSON')
    .action(printPlan);

export const assumptions = () => command('assumptions', 'The assumptions of capacity plans, with sources.').action(printAssumptions);

function printAssumptions(): void {
  for (const [name, { value, unit, basis, source, date }] of Object.entries(ASSUMPTIONS)) {
    console.log(`${name.padEnd(28)} ${String(value).padStart(10)}  ${unit}\n${' '.repeat(41)}${basis}, ${date}: ${source}`);
  }
}

async function printPlan(flags: Flags): Promise<void> {
  const demand = demandOf(flags);
  const { deadline: deadlineMs } = flags;
  const numbers = assumed();
  const plan = planIndex(demand, numbers);
  const isHedged = demand.replicas > 0;
  const latency =
    demand.qps === 0
      ? undefined
      : await simulate({ plan, assumed: numbers, qps: demand.qps, queries: QUERIES, deadlineMs, isHedged, seed: 1 });
  if (flags.json === true) {
    console.log(JSON.stringify({ demand, plan, latency: latency ?? null, assumptions: ASSUMPTIONS }, null, 2));
  } else console.log(report(demand, plan, latency, deadlineMs));
}

function demandOf({ dims: dimensions, vectors, qps, writes, recall, replicas }: Flags): IndexDemand {
  return {
    vectors,
    dimensions,
    qps,
    writesPerSecond: writes,
    recall,
    replicas,
    shardVectorsMax: shardBudget({ dimensions }),
    shardsMax: shardsMax({ dimensions }),
    locators: INDEX_LIMITS.locatorsCount,
    leavesMax: LEAVES_MAX,
  };
}

/** Shards that a gateway asks by itself. */
const LEAVES_MAX = 100;

function recallOf(text: string): (typeof RECALL_TARGETS)[number] {
  const recall = RECALL_TARGETS.find((target) => target === Number(text));
  if (recall === undefined) throw new InvalidArgumentError(`It must be one of ${RECALL_TARGETS.join(', ')}.`);
  return recall;
}

/** Numbers as people write large ones: `300_000_000`, `3e8`. */
const number =
  (least: number, most = Infinity) =>
  (text: string): number => {
    const value = /^\d[\d_]*(\.\d+)?(e\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It must be a number from ${least}${most === Infinity ? '' : ` to ${most}`}.`);
    }
    return value;
  };

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
