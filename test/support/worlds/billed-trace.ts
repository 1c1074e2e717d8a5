import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { ANY_NODE } from '../../../src/scheduler/served/jobs/job.ts';
import { priced } from '../../../src/tenancy/usage/usage-query.ts';
import { statedPrice } from './priced-pools.ts';
import { ServedCell } from './served-cell.ts';

/** Pools of one deployment: what they state for an hour in dollars, where they state anything, and their nodes of one accelerator. */
const POOLS = [
  { type: 'h100', market: 'on_demand', usd: 2.9, nodes: 6 },
  { type: 'h100', market: 'spot', usd: 1.35, nodes: 3 },
  { type: 'a100', market: 'reserved', usd: 1.1, nodes: 6 },
  { type: 'a10', market: 'on_demand', usd: 0.6, nodes: 8 },
  { type: 'l4', market: 'on_demand', usd: null, nodes: 6 },
  { type: 'h200', market: 'on_demand', usd: null, nodes: 3 },
] as const;

/** How fast types are beside an h100, from and to. */
const SPEEDS: Readonly<Record<string, readonly [number, number]>> = {
  h100: [1, 1],
  h200: [1, 1.5],
  a100: [0.35, 0.8],
  a10: [0.12, 0.45],
  l4: [0.08, 0.3],
};

const RUNNING = { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } } as const;
const DONE = { kind: 'completed', progress: { completed: 0, failed: 0, total: 0 }, tokens: 0 } as const;

export interface BilledTrace {
  readonly jobs: number;
  /** What the ledger bills for accelerator time. */
  readonly dollars: number;
  /** What it would bill had each job run where that is least, of what had room when it was placed. */
  readonly leastDollars: number;
  /** Jobs that ran where it was not least, by more than a thousandth. */
  readonly dearer: number;
}

/** Two hours of jobs that may run on any type, at speeds of their own, through the served cell. The same for the same seed. */
export function billedTrace(seed: number, jobs: number): BilledTrace {
  const rng = new Seeded(seed);
  const world = new ServedCell([]);
  const size = { cpuMilli: 8_000, memoryMib: 8_192 };
  const pools = POOLS.map(({ type, market, usd, nodes }, at) => {
    const id = `pool_${String(at).padStart(10, '0')}` as PoolId;
    world.cell.addPool({ id, name: id, owner: 'team', createdAtMs: world.nowMs });
    world.cell.operations.change(id, { market });
    if (usd !== null) world.cell.operations.setPrice(id, statedPrice(usd * 1e9, { accelerator: type }));
    world.join(nodes, id, { capacity: { accelerator: type, acceleratorCount: 1, ...size } });
    return { id, type, free: nodes };
  });
  const hourlyNano = new Map(pools.map(({ id, type }) => [id, priceIn(world, id, type)]));
  const runs = new Map<JobId, { readonly pool: (typeof pools)[number]; readonly endsAtMs: number }>();
  let [leastNano, ownNano, dearer, submitted] = [0, 0, 0, 0];
  const arrivals = Array.from({ length: jobs }, () => world.nowMs + Math.floor(rng.next() * 7_200_000)).toSorted((a, b) => a - b);
  while (submitted < jobs || runs.size > 0) {
    const ends = [...runs.values()].map(({ endsAtMs }) => endsAtMs);
    const nextMs = Math.min(arrivals[submitted] ?? Infinity, world.nowMs + JOB_LIMITS.poolLeaseMs / 2, ...ends);
    world.nowMs = Math.max(world.nowMs, nextMs);
    world.wake();
    for (const { id } of pools) world.exchange(id);
    for (const [id, { pool, endsAtMs }] of runs) {
      if (endsAtMs > world.nowMs) continue;
      world.report(id, 1, DONE, pool.id);
      runs.delete(id);
      pool.free += 1;
    }
    while (submitted < jobs && (arrivals[submitted] ?? Infinity) <= world.nowMs) {
      const speeds = new Map(Object.entries(SPEEDS).map(([type, [low, high]]) => [type, low + (high - low) * rng.next()]));
      const hours = 0.02 + rng.next() * 0.3;
      const options = [...speeds].map(([accelerator, speed]) => ({
        ...ANY_NODE,
        accelerator,
        perNode: { cpuMilli: 100, memoryMib: 64, acceleratorCount: 1, milliEach: 1_000 },
        throughputHintMilli: Math.round(1_000 * speed),
      }));
      const costIn = ({ id, type }: (typeof pools)[number]): number => (hours * (hourlyNano.get(id) ?? 0)) / (speeds.get(type) ?? 1);
      const least = Math.min(...pools.filter(({ free }) => free > 0).map(costIn));
      const id = world.submit((submitted += 1), { options, tokensMax: 0 });
      const { attempt } = world.job(id);
      const pool = pools.find((one) => one.id === attempt?.poolId);
      // There is always room: it is a fault of the trace if there is not.
      if (pool === undefined) throw new Error(`job ${submitted} waits`);
      world.report(id, 1, RUNNING, pool.id);
      pool.free -= 1;
      runs.set(id, { pool, endsAtMs: world.nowMs + Math.ceil((hours / (speeds.get(pool.type) ?? 1)) * 3_600_000) });
      ownNano += costIn(pool);
      leastNano += least;
      dearer += Number(costIn(pool) > least * 1.001);
    }
  }
  const lines = priced(
    world.charges.map((event) => ({ ...event, group: {}, accelerator: event.accelerator ?? '', priceId: event.priceId ?? '' })),
  );
  const nano = Number(lines.reduce((sum, { amountNano }) => sum + amountNano, 0n));
  return { jobs, dollars: nano / 1e9, leastDollars: (nano / 1e9) * (leastNano / ownNano), dearer };
}

/** What a tenant is billed there for an hour, as operators see it. */
function priceIn(world: ServedCell, id: PoolId, type: string): number {
  const prices = world.cell.operations.prices(id);
  const found = prices.ok ? prices.value.find(({ accelerator, isInForce }) => accelerator === type && isInForce) : undefined;
  if (found === undefined) throw new Error(`${id} shows no price of ${type}`);
  return found.nanoDollarsPerHour;
}
