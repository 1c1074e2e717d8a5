import type { CellView } from '../machine/cell-view.ts';
import type { PoolRecord } from '../machine/pool-record.ts';
import { acceptsPool } from '../model/accepts-pool.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { ResourceOption } from '../model/resource-option.ts';
import { interruptionsPerHour } from '../placement/interruptions.ts';
import { lostHours } from '../placement/lost-hours.ts';
import type { PoolChoice, PricedPool } from './pool-choice.ts';

/**
 * The pools a job may run in by an option at what it may pay: those near its data first, then the cheaper, what spot nodes lose counted
 * in, then by id. Prices are compared as they are now. Where a pool has no price, it is free unless the job names a limit.
 */
export function affordablePools(cell: CellView, spec: JobSpec, option: number): PoolChoice {
  const known = cell.poolChoices.get(spec.options)?.[option];
  if (known !== undefined) return known;
  const choice = choose(cell, spec, option);
  const choices = cell.poolChoices.get(spec.options) ?? [];
  choices[option] = choice;
  cell.poolChoices.set(spec.options, choices);
  return choice;
}

function choose(cell: CellView, spec: JobSpec, option: number): PoolChoice {
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
function nodePrice(cell: CellView, { accelerator, perNode }: ResourceOption, { spec }: PoolRecord): number | undefined {
  const price = cell.prices.priceAt({ accelerator, region: spec.region, market: spec.market }, cell.nowMs);
  const milli = accelerator === null ? WHOLE_MILLI : perNode.acceleratorCount * perNode.milliEach;
  return price === undefined ? undefined : Math.ceil((price * milli) / WHOLE_MILLI);
}

/** Whether the pool has nodes of the type, or could have. Work without accelerators runs on any. */
function mayHave(cell: CellView, { accelerator }: ResourceOption, { id, elasticity }: PoolRecord['spec']): boolean {
  if (accelerator === null || elasticity?.template.accelerator === accelerator) return true;
  return cell.fleet.hasAccelerator(id, accelerator);
}
