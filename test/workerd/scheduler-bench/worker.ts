import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { PoolObject } from '../../../durable-objects/pool-object.ts';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import { SchedulerObject } from '../../../durable-objects/scheduler-object.ts';
import type { Suite } from '../../bench/scheduler/kueue-suite.ts';
import { BASELINE, LARGE_SCALE } from '../../bench/scheduler/kueue-suite.ts';
import { suiteSettings } from '../../bench/served/suite-cell.ts';
import type { OverloadParts } from '../../bench/served/overload-run.ts';
import { runOverload } from '../../bench/served/overload-run.ts';
import { sharedSleep } from '../../bench/served/shared-sleep.ts';
import type { ServedParts } from '../../bench/served/stub-agents.ts';
import type { SuiteParts } from '../../bench/served/suite-run.ts';
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

/** A suite to run, or an overload of the queues of one. */
interface Order extends Omit<SuiteParts, keyof ServedParts> {
  readonly overload?: Omit<OverloadParts, keyof ServedParts | 'suite' | 'agentsPerPool'>;
}

interface Env {
  readonly SCHEDULER: DurableObjectNamespace<SchedulerObject>;
  readonly POOL: DurableObjectNamespace<PoolObject>;
  readonly BILLING: DurableObjectNamespace<BillingObject>;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method !== 'POST') return new Response('ready');
    const { overload, ...order } = await request.json<Order>();
    const served: ServedParts = {
      scheduler: env.SCHEDULER.get(env.SCHEDULER.idFromName(SCHEDULER_CELL)),
      pool: (id) => env.POOL.get(env.POOL.idFromName(id)),
      nowMs: () => Date.now(),
      sleep: sharedSleep(),
    };
    const parts = { ...served, ...order };
    return Response.json(overload === undefined ? await runSuite(parts) : await runOverload({ ...parts, ...overload }));
  },
};
