import { LIMITS } from '../../../src/contract/limits.ts';
import type { ReplicaCalls } from '../../../src/gateway/models/replica-calls.ts';
import { answered } from './ask.ts';

const UNANSWERED = 'the control Worker did not answer: repeat the call';

/** The replicas of pools behind the control Worker, which knows the jobs: `unavailable` where it does not answer in time. */
export function replicaCalls(worker: ReplicaCalls): ReplicaCalls {
  return {
    replicaModels: (tenantId) => answered(() => worker.replicaModels(tenantId), LIMITS.controlTimeoutMs, UNANSWERED),
    embedOnReplica: (...call) => answered(() => worker.embedOnReplica(...call), LIMITS.modelCallTimeoutMs, UNANSWERED),
  };
}
