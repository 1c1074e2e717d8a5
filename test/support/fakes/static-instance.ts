import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec, ResourceOption } from '../../../src/scheduler/engine/model/job-spec.ts';
import type { NodeSpec, Market, PoolSpec } from '../../../src/scheduler/engine/model/pool-spec.ts';
import type { PriceRow } from '../../../src/scheduler/engine/model/price-book.ts';
import { interruptionsPerHour, NONE_SEEN, lostHours, costPerWork } from '../../../src/scheduler/engine/placement/work-cost.ts';
import { cellSettings, cohort, queue } from '../worlds/cell-world.ts';
import { ACCELERATORS, demand, jobSpec, nodeSpec, option, poolSpec } from '../fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

/** Approximate dollars for an hour of one accelerator, by type of node. */
const TYPES = { H100: 4, A100: 2, TPU: 1 } as const;
type TypeName = keyof typeof TYPES;

/** Cost hints are in millionths of a job, so the cost of a unit of work is the cost of the whole job. */
const JOB_MILLI = 1_000_000;

/** Jobs that all arrive at once, and nodes with room for them. */
export interface StaticInstance {
  readonly pools: readonly PoolSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly prices: readonly PriceRow[];
  readonly jobs: readonly JobSpec[];
}

/** Six pools of three types, on demand and spot, and jobs of 1 to 8 accelerators that together need about three quarters of them. */
export function staticInstance(seed: number): StaticInstance {
  const random = new Seeded(seed);
  const between = (low: number, high: number): number => low + (high - low) * random.next();
  const pools: PoolSpec[] = [];
  const nodes: NodeSpec[] = [];
  const prices: PriceRow[] = [];
  for (const [accelerator, listPrice] of Object.entries(TYPES)) {
    for (const market of ['on_demand', 'spot'] as const) {
      const id = `pool_${`${accelerator}${market}`.replaceAll('_', '').padEnd(16, '0').slice(0, 16)}` as PoolId;
      pools.push(poolSpec({ id, market }));
      const count = 1 + Math.floor(2 * random.next());
      for (let n = 0; n < count; n++)
        nodes.push(nodeSpec(nodes.length, { poolId: id, accelerator, acceleratorCount: random.next() < 0.5 ? 4 : 8 }));
      const price = listPrice * between(0.8, 1.2) * (market === 'spot' ? between(0.3, 0.6) : 1);
      prices.push({ accelerator, region: 'eu', market, fromMs: 0, nanoDollarsPerHour: Math.round(price * 1e9) });
    }
  }
  let left = 0.75 * nodes.reduce((sum, { acceleratorCount }) => sum + acceleratorCount, 0);
  const jobs: JobSpec[] = [];
  while (left > 0 && jobs.length < 16) {
    const count = [1, 1, 2, 2, 4, 8][Math.floor(6 * random.next())]!;
    left -= count;
    const hours = 20 ** random.next();
    const slower = { H100: 1, A100: between(1.2, 4), TPU: between(1.5, 10) } satisfies Record<TypeName, number>;
    const markets: Market[] = random.next() < 0.3 ? ['on_demand'] : ['on_demand', 'spot'];
    const way = (accelerator: TypeName): ResourceOption =>
      option(count, {
        accelerator,
        markets,
        perNode: demand(count),
        throughputHintMilli: Math.round(JOB_MILLI / (hours * slower[accelerator])),
      });
    const checkpoint = { intervalMs: 1_800_000, graceMs: 0, restartMs: 180_000 };
    jobs.push(jobSpec(jobs.length + 1, { options: [way('H100'), way('A100'), way('TPU')], checkpoint }));
  }
  return { pools, nodes, prices, jobs };
}

/** What a job costs with this option on this node, in dollars; undefined where it may not run. */
export function dollars({ pools, prices }: StaticInstance, job: JobSpec, optionIndex: number, node: NodeSpec): number | undefined {
  const wanted = job.options[optionIndex]!;
  const { market } = pools.find(({ id }) => id === node.poolId)!;
  if (wanted.accelerator !== node.accelerator || !wanted.markets.includes(market)) return undefined;
  const price = prices.find((row) => row.accelerator === node.accelerator && row.market === market)!.nanoDollarsPerHour;
  const terms = { throughputMilli: wanted.throughputHintMilli, nodes: 1, lostHours: lostHours(job) };
  const nanoDollarsPerHour = price * wanted.perNode.acceleratorCount;
  return (JOB_MILLI / 1e9) * costPerWork({ ...terms, nanoDollarsPerHour, interruptionsPerHour: interruptionsPerHour(market, NONE_SEEN) });
}

/** What the engine spends when all jobs arrive at once; undefined when some job is not placed. */
export function engineDollars(instance: StaticInstance): number | undefined {
  const quotas = Object.fromEntries(Object.keys(TYPES).map((name) => [name, { nominal: 1_000_000, borrowingMax: null, lendingMax: null }]));
  const types = new Map([...ACCELERATORS].map(([name, type]) => [name, { ...type, sharing: 'fractional' as const }]));
  const settings = cellSettings({ accelerators: types, pools: instance.pools, cohorts: [cohort('all'), queue('a', 0, { quotas })] });
  const cell = new Cell(settings);
  for (const row of instance.prices) step(cell, { kind: 'price', row }, 0);
  step(cell, { kind: 'add_nodes', nodes: instance.nodes }, 0);
  step(cell, { kind: 'suspend', queue: 'a', isSuspended: true }, 0);
  for (const spec of instance.jobs) step(cell, { kind: 'submit', spec }, 0);
  const { decisions } = step(cell, { kind: 'suspend', queue: 'a', isSuspended: false }, 0);
  const started = new Map<JobId, NodeSpec>();
  for (const decision of decisions) {
    if (decision.kind === 'start')
      started.set(
        decision.jobId,
        instance.nodes.find(({ id }) => id === decision.places[0]?.nodeId)!,
      );
  }
  if (started.size < instance.jobs.length) return undefined;
  return instance.jobs.reduce((sum, job) => sum + dollars(instance, job, cell.jobs.get(job.id).attempt!.option, started.get(job.id)!)!, 0);
}
