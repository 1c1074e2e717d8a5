import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { ObjectNamespace } from '../../../durable-objects/object-namespace.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';

/** The scheduler cell as a port. A stub belongs to the request that made it, so each call makes its own. */
export function schedulerQueue(namespace: ObjectNamespace<JobQueue>): JobQueue {
  const cell = () => namespace.getByName(SCHEDULER_CELL);
  return {
    submit: (...rest) => cell().submit(...rest),
    act: (...rest) => cell().act(...rest),
    job: (...rest) => cell().job(...rest),
    explain: (...rest) => cell().explain(...rest),
    plan: (...rest) => cell().plan(...rest),
    jobs: (...rest) => cell().jobs(...rest),
    segments: (...rest) => cell().segments(...rest),
    events: (...rest) => cell().events(...rest),
    openCount: (...rest) => cell().openCount(...rest),
    suspendTenant: (...rest) => cell().suspendTenant(...rest),
    releasePayers: (...rest) => cell().releasePayers(...rest),
    eraseTenant: (...rest) => cell().eraseTenant(...rest),
    jobCount: (...rest) => cell().jobCount(...rest),
    acceptedOutputs: (...rest) => cell().acceptedOutputs(...rest),
    addPool: (...rest) => cell().addPool(...rest),
    operate: (name, ...rest) => cell().operate(name, ...rest),
    pool: (...rest) => cell().pool(...rest),
    pools: (...rest) => cell().pools(...rest),
  };
}
