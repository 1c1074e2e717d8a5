import { INDEX_LIMITS } from '../../src/contract/indexes/index-limits.ts';
import { shardsMax, shardBudget } from '../../src/index/resharding/shard-budget.ts';
import { loadavg } from 'node:os';

import type { AssumptionName } from '../../src/capacity/assumptions.ts';
import { ASSUMPTIONS, assumed } from '../../src/capacity/assumptions.ts';
import type { IndexDemand } from '../../src/capacity/index-plan.ts';
import { planIndex } from '../../src/capacity/index-plan.ts';
import type { Scenario, SimulatedQueries } from '../../workers/cli/planning/simulate.ts';
import { simulate } from '../../workers/cli/planning/simulate.ts';

export interface ScaleOptions {
  /** Runs fewer queries, so that the 99.9th percentile is only a rough estimate. */
  readonly quick?: boolean | undefined;
}

const DEMAND: IndexDemand = {
  vectors: 300_000_000,
  dimensions: 384,
  qps: 10_000,
  writesPerSecond: 100,
  recall: 0.95,
  replicas: 1,
  shardVectorsMax: shardBudget({ dimensions: 384 }),
  shardsMax: shardsMax({ dimensions: 384 }),
  locators: INDEX_LIMITS.locatorsCount,
  leavesMax: 100,
};
const DEADLINE_MS = 50;

/** Assumptions without a published value, and the cost of a leaf: each is varied to half and to twice its value. */
const VARIED: readonly AssumptionName[] = [
  'hopMs',
  'hopSpread',
  'slowCallShare',
  'slowCallMs',
  'coldStartMs',
  'restartsPerHour',
  'searchUs',
  'rowReadUs',
  'probesCount',
  'copiesFactor',
  'popularitySkew',
];

/**
 * 300 million vectors, which no machine here can hold: the gateway's own fan-out, in simulated time, over thousands of shards that answer
 * as fast as measured leaves and the assumptions file say.
 */
export async function scaleBench({ quick }: ScaleOptions): Promise<void> {
  const queries = quick === true ? 4_000 : 40_000;
  console.log(`load average ${loadavg()[0]?.toFixed(1)}; all times below are simulated`);
  const run = (over: Partial<Scenario> = {}, demand: Partial<IndexDemand> = {}, numbers = assumed()): Promise<SimulatedQueries> => {
    const whole = { ...DEMAND, ...demand };
    const plan = planIndex(whole, numbers);
    return simulate({ plan, assumed: numbers, qps: whole.qps, queries, deadlineMs: DEADLINE_MS, isHedged: true, seed: 7, ...over });
  };

  console.log(
    '\n| vectors | queries a second | shards | objects | shards asked | memory | storage | $ a month | $ a million queries | p50 | p99 | p99.9 ms | partial |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|---|');
  for (const vectors of [1_000_000, 10_000_000, 100_000_000, 300_000_000, 1_000_000_000]) {
    // Larger indexes get more queries.
    const demand = { vectors, qps: (DEMAND.qps * vectors) / DEMAND.vectors };
    const plan = planIndex({ ...DEMAND, ...demand }, assumed());
    const { p50Ms, p99Ms, p999Ms, partialShare } = await run({}, demand);
    const cells = [
      vectors.toLocaleString('en-US'),
      Math.round(demand.qps),
      plan.shards,
      plan.objects,
      plan.probes,
      `${(plan.memoryBytes / 1e9).toFixed(1)} GB`,
      `${(plan.storageBytes / 1e9).toFixed(0)} GB`,
      plan.usdPerMonth.toFixed(0),
      plan.usdPerMillionQueries.toFixed(2),
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
      p999Ms.toFixed(1),
      share(partialShare),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }

  console.log(`\n300 M x 384, ${DEMAND.qps} queries a second, deadline ${DEADLINE_MS} ms, ${queries} queries`);
  console.log('| what | hedged | p50 | p99 | p99.9 ms | partial | cold calls | calls a query | made again |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  const rare = { ...assumed(), idleUntilColdS: 0.2 };
  const cases: [string, Partial<Scenario>, ReturnType<typeof assumed>?][] = [
    ['all well', {}],
    ['no deadline', { deadlineMs: 5_000 }],
    ['objects leave memory after 0.2 s', {}, rare],
    ['one shard ten times slower', { slowFactor: 10 }],
    ['one shard dead', { slowFactor: Infinity }],
  ];
  for (const [what, over, numbers] of cases) {
    for (const isHedged of [false, true]) console.log(row(what, isHedged, await run({ ...over, isHedged }, {}, numbers)));
  }

  console.log('\nwithout a deadline, hedged');
  console.log('| if .. were | half: p99 | p99.9 ms | $ a month | twice: p99 | p99.9 ms | $ a month |');
  console.log('|---|---|---|---|---|---|---|');
  for (const name of VARIED) {
    const cells: string[] = [];
    for (const factor of [0.5, 2]) {
      const numbers = assumed({ [name]: ASSUMPTIONS[name].value * factor });
      const { p99Ms, p999Ms } = await run({ deadlineMs: 5_000 }, {}, numbers);
      cells.push(p99Ms.toFixed(1), p999Ms.toFixed(1), planIndex(DEMAND, numbers).usdPerMonth.toFixed(0));
    }
    console.log(`| ${name} (${ASSUMPTIONS[name].value}) | ${cells.join(' | ')} |`);
  }
  console.log('\nWhat it rests on: npm run sluice -- capacity --assumptions');
}

const share = (value: number): string => `${(100 * value).toFixed(2)} %`;

function row(what: string, isHedged: boolean, found: SimulatedQueries): string {
  const { p50Ms, p99Ms, p999Ms, partialShare, coldShare, callsPerQuery, hedgedShare } = found;
  const cells = [
    what,
    isHedged ? 'yes' : 'no',
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    p999Ms.toFixed(1),
    share(partialShare),
    share(coldShare),
    callsPerQuery.toFixed(2),
    share(hedgedShare),
  ];
  return `| ${cells.join(' | ')} |`;
}
