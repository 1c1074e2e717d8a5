import { SCHEDULER_CELL } from '../../../../durable-objects/env.ts';
import type { ObjectNamespace } from '../../../../durable-objects/object-namespace.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { portTo } from '../../../../src/kernel/remote.ts';

/** The scheduler cell as a port. */
export const schedulerQueue = (namespace: ObjectNamespace<JobQueue>): JobQueue => portTo(() => namespace.getByName(SCHEDULER_CELL));
