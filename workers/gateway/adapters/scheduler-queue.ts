import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';

/** The scheduler cell as a port. A stub belongs to the request that made it, so each call makes its own. */
export function schedulerQueue(namespace: DurableObjectNamespace): JobQueue {
  // RPC stubs answer promises of what the class answers; their generated types lose branded ids on the way.
  const cell = () => namespace.get(namespace.idFromName(SCHEDULER_CELL)) as unknown as JobQueue;
  return {
    submit: (...rest) => cell().submit(...rest),
    cancel: (...rest) => cell().cancel(...rest),
    job: (...rest) => cell().job(...rest),
    jobs: (...rest) => cell().jobs(...rest),
    openCount: (...rest) => cell().openCount(...rest),
    acceptedOutputs: (...rest) => cell().acceptedOutputs(...rest),
    addPool: (...rest) => cell().addPool(...rest),
    pool: (...rest) => cell().pool(...rest),
    pools: (...rest) => cell().pools(...rest),
  };
}
