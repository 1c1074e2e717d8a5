import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { ok } from '../../kernel/result.ts';
import { editionAt, priceOf } from '../../tenancy/usage/price-book.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { CeilingSource } from './capacity-forecaster.ts';
import type { Ceiling } from './forecast-ceilings.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

const DAYS_A_MONTH = 30;

/** How many accelerators of each type the nodes of all pools have now. */
async function acceleratorsOf(
  queue: Pick<JobQueue, 'pools' | 'operate'>,
): Promise<{ counts: ReadonlyMap<string, number>; leftOut: readonly string[] }> {
  const counts = new Map<string, number>();
  const leftOut: string[] = [];
  const pools = await queue.pools(PLANNING_LIMITS.forecastPoolsMaxCount);
  if (pools.length > PLANNING_LIMITS.forecastPoolsMaxCount) leftOut.push(`pools beyond the first ${PLANNING_LIMITS.forecastPoolsMaxCount}`);
  for (const { id, name } of pools.slice(0, PLANNING_LIMITS.forecastPoolsMaxCount)) {
    const nodes = await queue.operate('nodes', id, API_LIMITS.pageMaxCount, undefined);
    if (!nodes.ok) {
      leftOut.push(`pool ${name}: ${nodes.error.code}`);
      continue;
    }
    if (nodes.value.length > API_LIMITS.pageMaxCount) leftOut.push(`nodes of pool ${name} beyond the first ${API_LIMITS.pageMaxCount}`);
    for (const { node } of nodes.value.slice(0, API_LIMITS.pageMaxCount)) {
      const { accelerator = null, acceleratorCount = 0 } = node.capacity ?? {};
      if (accelerator !== null) counts.set(accelerator, (counts.get(accelerator) ?? 0) + acceleratorCount);
    }
  }
  return { counts, leftOut };
}

/**
 * What the accelerators of all pools can do in a day, by type, against what an organisation uses of them. Pools serve all organisations: only
 * the admin sees them.
 */
export const poolCeilings =
  (queue: Pick<JobQueue, 'pools' | 'operate'>, clock: Clock): CeilingSource =>
  async (principal, { tenantId }) => {
    if (principal.kind !== 'admin' || tenantId !== undefined) return ok({ ceilings: [] });
    const { counts, leftOut } = await acceleratorsOf(queue);
    const edition = editionAt(clock.nowMs());
    const ceilings = [...counts].map(([accelerator, count]): Ceiling => {
      const { nano, units } = priceOf(edition, 'accelerator_ms', accelerator);
      return {
        kind: 'pool',
        subject: accelerator,
        resource: `accelerator_ms:${accelerator}`,
        window: 'day',
        limit: count * DAY_MS,
        usdPerUnitMonth: (DAYS_A_MONTH * nano) / units / 1e9,
      };
    });
    return ok({ ceilings, leftOut });
  };
