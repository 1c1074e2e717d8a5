import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import type { ReplicaCalls } from '../../../../src/gateway/models/replica-calls.ts';
import type { GatewayEnv } from '../../env.ts';
import { answered, within } from '../api/ask.ts';

const UNANSWERED = 'the jobs of the deployment did not answer: repeat the call';

/** The replicas of pools, by the jobs that they are of: `unavailable` where these do not answer in time. What knows jobs is loaded at the first call. */
export function replicaCalls(env: GatewayEnv): ReplicaCalls {
  const replicas = async () => {
    const { composeControl } = await import('../../compose-control.ts');
    return composeControl(env).heavy.modelReplicas;
  };
  return {
    replicaModels: (tenantId) => answered(async () => (await replicas()).replicaModels(tenantId), API_LIMITS.controlTimeoutMs, UNANSWERED),
    embedOnReplica: (tenantId, texts, end) =>
      answered(
        async () => (await replicas()).embedOnReplica(tenantId, texts, end),
        texts.waitMs + MODEL_LIMITS.modelCallTimeoutMs,
        UNANSWERED,
      ),
    // The next call asks again.
    wakeReplica: async (...call) => within((await replicas()).wakeReplica(...call), API_LIMITS.controlTimeoutMs).catch(() => undefined),
  };
}
