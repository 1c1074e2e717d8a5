import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { costPerWork } from '../placement/work-cost.ts';
import { interruptionsPerHour } from '../placement/interruptions.ts';
import { lostHours } from '../placement/lost-hours.ts';
import type { PricedPool } from './pool-choice.ts';
import { affordablePools } from './affordable-pools.ts';

/** An option in a pool, and what it costs. */
export interface Way {
  readonly option: number;
  readonly pool: PricedPool;
  /** Nano-dollars for a thousandth of the job's own unit of work; infinitely more where its data is not. */
  readonly cost: number;
}

/** Dearer than anything that is near the data. */
const FAR = 1e15;

/** All ways to run a job at what it may pay: the cheapest for its own work first, then by its options, then by the order of pools. */
export function waysOf(cell: Cell, { spec, classKey }: JobRecord): readonly Way[] {
  const ways = spec.options.flatMap((wanted, option): Way[] => {
    const pools = affordablePools(cell, spec, option);
    if ('kind' in pools) return [];
    const throughputMilli = cell.throughputs.of(classKey, option) ?? wanted.throughputHintMilli;
    const scarcity = spec.options.length === 1 ? 0 : cell.placer.scarcity(wanted.accelerator);
    return pools.map((pool): Way => {
      const { market, region } = pool.pool.spec;
      const cost = costPerWork({
        nanoDollarsPerHour: pool.nanoDollarsPerNodeHour,
        throughputMilli,
        nodes: wanted.nodes.min,
        interruptionsPerHour: interruptionsPerHour(market, pool.pool.interruptions),
        lostHours: lostHours(spec),
        scarcity,
      });
      const isFar = spec.dataRegions.length > 0 && !spec.dataRegions.includes(region);
      return { option, pool, cost: isFar ? FAR + cost : cost };
    });
  });
  return ways.length < 2 ? ways : ways.toSorted((a, b) => a.cost - b.cost || a.option - b.option);
}
