import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { ReplicaCalls } from '../../../src/gateway/models/replica-calls.ts';
import { within } from './ask.ts';

/** The replicas of pools behind the control Worker, which knows the jobs: `unavailable` where it does not answer in time. */
export function replicaCalls(binding: Fetcher): ReplicaCalls {
  const worker = binding as unknown as ReplicaCalls;
  return {
    replicaModels: (tenantId) => answered(() => worker.replicaModels(tenantId), LIMITS.controlTimeoutMs),
    embedOnReplica: (...call) => answered(() => worker.embedOnReplica(...call), LIMITS.modelCallTimeoutMs),
  };
}

async function answered<T>(call: () => Promise<Outcome<T>>, limitMs: number): Promise<Outcome<T>> {
  try {
    return await within(call(), limitMs);
  } catch {
    return refuse('unavailable', 'the control Worker did not answer: repeat the call');
  }
}
