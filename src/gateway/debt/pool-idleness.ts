import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { NodeView } from '../../scheduler/served/pool-operations.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import { factAt } from './gateway-facts.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

/** What the nodes of a pool did in an hour. Plain data. */
interface PoolHour {
  readonly hour: number;
  readonly idleMs: number;
  readonly paidMs: number;
}

/** The hours of a week of each pool, by its name, the oldest first. Plain data: it is stored. */
export type PoolHours = Readonly<Record<string, readonly PoolHour[]>>;

const HOURS_KEPT = 7 * 24;
/** Fewer hours say nothing of how a pool is used: nights differ from days. */
const HOURS_MIN = 24;

interface NodesOfPool {
  readonly name: string;
  readonly nodes: readonly Pick<NodeView, 'state' | 'idleSinceMs'>[];
}

/** The pools whose owner is the tenant, with their nodes. A pool that goes meanwhile is left out. */
export async function ownPools(queue: Pick<JobQueue, 'pools' | 'operate'>, tenant: TenantId): Promise<NodesOfPool[]> {
  const found: NodesOfPool[] = [];
  for (const { id, name, owner } of (await queue.pools(PLANNING_LIMITS.forecastPoolsMaxCount)).slice(
    0,
    PLANNING_LIMITS.forecastPoolsMaxCount,
  )) {
    if (owner !== tenant) continue;
    const nodes = await queue.operate('nodes', id, API_LIMITS.pageMaxCount, undefined);
    if (nodes.ok) found.push({ name, nodes: nodes.value.slice(0, API_LIMITS.pageMaxCount) });
  }
  return found;
}

/** With the hour that ends now, once. Of a pool that is gone nothing is kept; nodes that are away are not paid. [D79] */
export function withHour(known: PoolHours, pools: readonly NodesOfPool[], nowMs: number): PoolHours {
  const hour = Math.floor(nowMs / HOUR_MS);
  // A pool may be named as what every object has, such as `constructor`.
  const hoursOf = new Map(Object.entries(known));
  return Object.fromEntries(
    pools.map(({ name, nodes }) => {
      const before = (hoursOf.get(name) ?? []).filter((one) => one.hour !== hour && one.hour > hour - HOURS_KEPT);
      const paid = nodes.filter(({ state }) => state !== 'away');
      const idleMs = paid.reduce(
        (sum, { idleSinceMs }) => sum + (idleSinceMs === null ? 0 : Math.min(HOUR_MS, Math.max(0, nowMs - idleSinceMs))),
        0,
      );
      return [name, [...before, { hour, idleMs, paidMs: paid.length * HOUR_MS }]];
    }),
  );
}

/** How idle each pool was, of those that were paid for in enough hours. [D79] */
export function poolFacts(hours: PoolHours, nowS: number): DebtFact[] {
  const known = Object.entries(hours)
    .map(([name, all]) => [name, all.filter(({ paidMs }) => paidMs > 0)] as const)
    .filter(([, paid]) => paid.length >= HOURS_MIN);
  if (known.length === 0) return [];
  const fact = factAt(nowS);
  return [
    fact('census', '.', 'pools', known.length, 'subjects', 'GET /v1/pools', known),
    ...known.map(([name, paid]) => {
      const [idle, all] = [sum(paid, 'idleMs'), sum(paid, 'paidMs')];
      return fact('pool-idle', `pool:${name}`, '', idle / all, 'share', 'GET /v1/pools', paid);
    }),
  ];
}

const sum = (hours: readonly PoolHour[], of: 'idleMs' | 'paidMs'): number => hours.reduce((total, hour) => total + hour[of], 0);
