import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { ok } from '../../kernel/result.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { CeilingSource } from './capacity-forecaster.ts';
import type { Ceiling } from './forecast-ceilings.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

const DAYS_A_MONTH = 30;

/** Accelerators of one type, and what all of them cost for an hour. */
interface PricedType {
  readonly count: number;
  readonly nanoPerHour: number;
}

/** How many accelerators of each type the nodes of all pools have now, and what tenants pay for them there. */
async function acceleratorsOf(
  queue: Pick<JobQueue, 'pools' | 'operate'>,
): Promise<{ types: ReadonlyMap<string, PricedType>; leftOut: readonly string[] }> {
  const types = new Map<string, PricedType>();
  const leftOut: string[] = [];
  const pools = await queue.pools(PLANNING_LIMITS.forecastPoolsMaxCount);
  if (pools.length > PLANNING_LIMITS.forecastPoolsMaxCount) leftOut.push(`pools beyond the first ${PLANNING_LIMITS.forecastPoolsMaxCount}`);
  for (const { id, name } of pools.slice(0, PLANNING_LIMITS.forecastPoolsMaxCount)) {
    const [nodes, prices] = await Promise.all([
      queue.operate('nodes', id, API_LIMITS.pageMaxCount, undefined),
      queue.operate('prices', id),
    ]);
    if (!nodes.ok) {
      leftOut.push(`pool ${name}: ${nodes.error.code}`);
      continue;
    }
    if (nodes.value.length > API_LIMITS.pageMaxCount) leftOut.push(`nodes of pool ${name} beyond the first ${API_LIMITS.pageMaxCount}`);
    for (const { node } of nodes.value.slice(0, API_LIMITS.pageMaxCount)) {
      const { accelerator = null, acceleratorCount = 0 } = node.capacity ?? {};
      if (accelerator === null) continue;
      const hourly = prices.ok ? prices.value.find((price) => price.isInForce && price.accelerator === accelerator) : undefined;
      const { count, nanoPerHour } = types.get(accelerator) ?? { count: 0, nanoPerHour: 0 };
      types.set(accelerator, {
        count: count + acceleratorCount,
        nanoPerHour: nanoPerHour + acceleratorCount * (hourly?.nanoDollarsPerHour ?? 0),
      });
    }
  }
  return { types, leftOut };
}

/**
 * What the accelerators of all pools can do in a day, by type, against what an organisation uses of them. Pools serve all organisations: only
 * the admin sees them.
 */
export const poolCeilings =
  (queue: Pick<JobQueue, 'pools' | 'operate'>): CeilingSource =>
  async (principal, { tenantId }) => {
    if (principal.kind !== 'admin' || tenantId !== undefined) return ok({ ceilings: [] });
    const { types, leftOut } = await acceleratorsOf(queue);
    const ceilings = [...types].map(([accelerator, { count, nanoPerHour }]): Ceiling => ({
      kind: 'pool',
      subject: accelerator,
      resource: `accelerator_ms:${accelerator}`,
      window: 'day',
      limit: count * DAY_MS,
      usdPerUnitMonth: (DAYS_A_MONTH * nanoPerHour) / Math.max(1, count) / HOUR_MS / 1e9,
    }));
    return ok({ ceilings, leftOut });
  };
