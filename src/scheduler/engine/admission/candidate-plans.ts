import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { poolPrice } from '../cell/pool-price.ts';
import { nodesWanted } from '../cell/job-record.ts';
import type { PoolRecord } from '../cell/records.ts';
import type { JobSpec, ResourceOption } from '../model/job-spec.ts';
import { acceptsPool } from '../model/job-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import { interruptionsPerHour, lostHours, costPerWork } from '../placement/work-cost.ts';
import type { PoolChoice, PricedPool } from '../cell/offer.ts';
import { lateRunMs } from './in-time.ts';

/**
 * The pools a job may run in by an option at what it may pay: those near its data first, then the cheaper, what spot nodes lose counted
 * in, then by id. Prices are what tenants are billed, and compared as they are now. In a cell without a price list, a pool without a price is free unless the
 * job names a limit.
 */
export function affordablePools(cell: Cell, spec: JobSpec, option: number): PoolChoice {
  const known = cell.poolChoices.get(spec.options)?.[option];
  if (known !== undefined) return known;
  const choice = choose(cell, spec, option);
  const choices = cell.poolChoices.get(spec.options) ?? [];
  choices[option] = choice;
  cell.poolChoices.set(spec.options, choices);
  return choice;
}

function choose(cell: Cell, spec: JobSpec, option: number): PoolChoice {
  const wanted = spec.options[option];
  if (wanted === undefined) return { kind: 'no_pool', option };
  const limit = spec.limits.priceMaxNanoDollarsPerHour;
  const accepted = [...cell.fleet.pools].filter(({ spec: pool }) => acceptsPool(wanted, pool) && mayHave(cell, wanted, pool));
  if (accepted.length === 0) return { kind: 'no_pool', option };
  const priced = accepted.flatMap((pool): PricedPool[] => {
    const price = nodePrice(cell, wanted, pool);
    if (price === undefined) return limit === null ? [{ pool, nanoDollarsPerNodeHour: 0 }] : [];
    return limit === null || price * wanted.nodes.min <= limit ? [{ pool, nanoDollarsPerNodeHour: price }] : [];
  });
  if (priced.length === 0) {
    const prices = accepted.flatMap((pool) => nodePrice(cell, wanted, pool) ?? []);
    return { kind: 'price', option, nanoDollarsPerHour: prices.length === 0 ? null : Math.min(...prices) * wanted.nodes.min, limit };
  }
  const lost = wanted.nodes.min * lostHours(spec);
  const worth = ({ pool, nanoDollarsPerNodeHour }: PricedPool): number =>
    nanoDollarsPerNodeHour * (1 + lost * interruptionsPerHour(pool.spec.market, pool.interruptions));
  const isFar = ({ pool }: PricedPool): number => (spec.dataRegions.length === 0 || spec.dataRegions.includes(pool.spec.region) ? 0 : 1);
  return priced.toSorted((a, b) => isFar(a) - isFar(b) || worth(a) - worth(b) || (a.pool.spec.id < b.pool.spec.id ? -1 : 1));
}

/** What one node's worth of an option costs in a pool for an hour; undefined when it is not sold there now. */
function nodePrice(cell: Cell, { accelerator, perNode }: ResourceOption, { spec }: PoolRecord): number | undefined {
  const price = poolPrice(cell, spec.id, accelerator);
  const milli = accelerator === null ? WHOLE_MILLI : perNode.acceleratorCount * perNode.milliEach;
  return price === undefined ? undefined : Math.ceil((price.nanoDollarsPerHour * milli) / WHOLE_MILLI);
}

/** Whether the pool has nodes of the type, or could have. Work without accelerators runs on any. */
function mayHave(cell: Cell, { accelerator }: ResourceOption, { id, elasticity }: PoolRecord['spec']): boolean {
  if (accelerator === null || elasticity?.template.accelerator === accelerator) return true;
  return cell.fleet.hasAccelerator(id, accelerator);
}

/** An option in a pool, and what it costs. */
export interface CandidatePlan {
  readonly option: number;
  readonly pool: PricedPool;
  /** Nano-dollars for a thousandth of the job's own unit of work; infinitely more where its data is not, or where it would be late. */
  readonly cost: number;
  /** Plans under the same key ask the same of a node, are as fast, and cost as much. */
  readonly tie: string;
}

/** Dearer than anything, near its data or not, that is done in time. What is not done in time is taken by when it would end. */
const LATE = 1e16;

/** Dearer than anything that is near the data. */
const FAR = 1e15;

/** The options and pools in which a job may run at what it may pay: those in time first, of these the cheapest for its work, then by option, then by pool. */
export function candidatePlans(cell: Cell, job: JobRecord): readonly CandidatePlan[] {
  const { spec, classKey } = job;
  const plans = spec.options.flatMap((wanted, option): CandidatePlan[] => {
    const pools = affordablePools(cell, spec, option);
    if ('kind' in pools) return [];
    const throughputMilli = cell.throughputs.of(classKey, option) ?? wanted.throughputHintMilli;
    const lateMs = lateRunMs(cell, job, option, nodesWanted(job, wanted));
    return pools.map((pool): CandidatePlan => {
      const { market, region } = pool.pool.spec;
      const terms = {
        nanoDollarsPerHour: pool.nanoDollarsPerNodeHour,
        throughputMilli,
        nodes: wanted.nodes.min,
        interruptionsPerHour: interruptionsPerHour(market, pool.pool.interruptions),
        lostHours: lostHours(spec),
      };
      const cost = costPerWork(terms);
      const isFar = spec.dataRegions.length > 0 && !spec.dataRegions.includes(region);
      const near = isFar ? FAR + cost : cost;
      const { acceleratorCount, milliEach, cpuMilli, memoryMib } = wanted.perNode;
      const tie = [isFar, lateMs, cost, throughputMilli, acceleratorCount, milliEach, cpuMilli, memoryMib, wanted.nodes.min].join(' ');
      return { option, pool, cost: lateMs === null ? near : LATE + lateMs, tie };
    });
  });
  return plans.length < 2 ? plans : plans.toSorted((a, b) => a.cost - b.cost || a.option - b.option);
}
