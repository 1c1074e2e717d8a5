import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { PoolObject } from '../../../durable-objects/pool-object.ts';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import { SchedulerObject } from '../../../durable-objects/scheduler-object.ts';
import type { Suite } from '../../bench/scheduler/kueue-suite.ts';
import { BASELINE, LARGE_SCALE } from '../../bench/scheduler/kueue-suite.ts';
import { suiteSettings } from '../../bench/served/suite-cell.ts';
import { runSuite } from '../../bench/served/suite-run.ts';

export { BillingObject } from '../../../durable-objects/billing-object.ts';
export { PoolObject } from '../../../durable-objects/pool-object.ts';
export { QuotaObject } from '../../../durable-objects/quota-object.ts';

// The scheduler, its pools and the ledger as they are served, and a driver that speaks to them as gateways do.

/** The served scheduler with the cohorts of a suite. */
const schedulerOf = (suite: Suite) =>
  class extends SchedulerObject {
    constructor(ctx: DurableObjectState, env: ObjectsEnv) {
      super(ctx, env, suiteSettings(suite));
    }
  };

export const BaselineScheduler = schedulerOf(BASELINE);
export const LargeScaleScheduler = schedulerOf(LARGE_SCALE);

interface Env {
  readonly SCHEDULER: DurableObjectNamespace<SchedulerObject>;
  readonly POOL: DurableObjectNamespace<PoolObject>;
  readonly BILLING: DurableObjectNamespace<BillingObject>;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method !== 'POST') return new Response('ready');
    const { suite, agentsPerPool, limitMs } = await request.json<{ suite: Suite; agentsPerPool: number; limitMs: number }>();
    const result = await runSuite({
      suite,
      agentsPerPool,
      limitMs,
      scheduler: env.SCHEDULER.get(env.SCHEDULER.idFromName(SCHEDULER_CELL)),
      pool: (id) => env.POOL.get(env.POOL.idFromName(id)),
      nowMs: () => Date.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms))),
    });
    return Response.json(result);
  },
};
