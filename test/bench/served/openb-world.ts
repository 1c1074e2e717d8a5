import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { PoolNode } from '../../../src/contract/pools/pool-exchange.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import type { NodeSpec } from '../../../src/scheduler/engine/model/pool-spec.ts';
import type { Shape } from '../../../src/scheduler/engine/placement/workload-mix.ts';
import { ANY_NODE } from '../../../src/scheduler/served/jobs/job.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { queueOf } from '../../../src/scheduler/served/quotas/cohort-tree.ts';
import { SERVED_SETTINGS } from '../../../src/scheduler/served/served-settings.ts';
import type { OpenbTrace } from '../../../src/scheduler/simulator/openb/read-openb.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import type { ServedWorld } from '../../support/worlds/served-suite.ts';
import { unpaid } from './suite-world.ts';

/** Between two arrivals. The protocol knows only their order; all of them come within the lease of a pool that has nothing to say. */
const APART_MS = 1;

/**
 * The openb protocol as users of the API state it: a pool for each type of accelerator, a job for each arrival, with an option for each type
 * that it accepts. Jobs stay; one that is not placed when it comes does not come again.
 */
export function openbWorld({ nodes, shapes }: OpenbTrace, order: readonly number[]): ServedWorld {
  const types = [...new Set(nodes.flatMap(({ accelerator }) => accelerator ?? []))].toSorted();
  const poolOf = (type: string): PoolId => `pool_${String(types.indexOf(type)).padStart(10, '0')}` as PoolId;
  const requests = shapes.map(({ shape }) => optionsOf(shape, types));
  return {
    settings: unpaid({ ...SERVED_SETTINGS, cohorts: [...SERVED_SETTINGS.cohorts, queueOf(jobRequest(0).tenantId)] }),
    pools: types.map((type) => ({
      id: poolOf(type),
      nodes: nodes.filter(({ accelerator }) => accelerator === type).map(nodeOf),
    })),
    jobs: order.map((shape, n) => ({
      request: jobRequest(n, { options: must(requests[shape], 'arrivals are shapes of the trace') }),
      arrivalMs: n * APART_MS,
      runtimeMs: Infinity,
      patience: 'none',
    })),
  };
}

/** The place of a job among the arrivals. */
export const numberOf = (id: JobId): number => Number(id.slice('job_'.length));

/** Names of types are lower-case in the API. */
const typeName = (type: string): string => type.toLowerCase();

const nodeOf = ({ id, accelerator, acceleratorCount, cpuMilli, memoryMib, ordinal }: NodeSpec): PoolNode => ({
  id,
  name: id,
  capacity: { accelerator: accelerator === null ? null : typeName(accelerator), acceleratorCount, cpuMilli, memoryMib },
  attemptsMax: POOL_LIMITS.agentAttemptsMaxCount,
  domains: {},
  ordinal,
  address: null,
  weights: [],
});

function optionsOf(
  { accelerators, cpuMilli, memoryMib, acceleratorCount, milliEach }: Shape,
  types: readonly string[],
): JobRequest['options'] {
  const perNode = { cpuMilli, memoryMib, acceleratorCount, milliEach };
  if (acceleratorCount === 0) return [{ ...ANY_NODE, perNode }];
  const accepted = types.filter((type) => accelerators === null || accelerators.has(type));
  return accepted.map((type) => ({ ...ANY_NODE, accelerator: typeName(type), perNode }));
}
