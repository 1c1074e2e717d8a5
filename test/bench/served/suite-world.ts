import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import type { ServedWorld } from '../../support/worlds/served-suite.ts';
import type { Suite } from '../scheduler/kueue-suite.ts';
import { workloadsOf } from '../scheduler/kueue-suite.ts';
import { poolOf, requestOf, suiteAgent, suiteSettings } from './suite-cell.ts';

/** No ledger answers in simulated time, so no grants are asked for. */
export function unpaid(settings: CellSettings): CellSettings {
  const { prepay: _, ...others } = settings;
  return others;
}

/** A suite in simulated time: as many pools as cohorts, each with so many agents. */
export const suiteWorld = (suite: Suite, agentsPerPool: number): ServedWorld => ({
  settings: unpaid(suiteSettings(suite)),
  pools: Array.from({ length: suite.cohorts }, (_, c) => ({
    id: poolOf(c),
    nodes: Array.from({ length: agentsPerPool }, (__, n) => ({
      id: `agent-${c}-${n}`,
      ...suiteAgent(`agent-${n}`, POOL_LIMITS.agentAttemptsMaxCount),
    })),
  })),
  jobs: Array.from(workloadsOf(suite), (workload) => ({
    request: requestOf(workload),
    arrivalMs: workload.arrivalMs,
    runtimeMs: workload.set.runtimeMs,
  })),
});
