import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/contract/api/errors.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { GatewayModels } from './gateway-models.ts';
import type { AttemptScope, JobRunner, RunEnd, StopReason } from './job-runner.ts';
import { failed } from './job-runner.ts';
import { persistently } from './persistently.ts';
import { EmbeddingService } from './embedding-service.ts';
import { ReplicaServer } from './replica-server.ts';
import type { ReplicaService } from './replica-service.ts';
import type { ServerBeside } from './server-beside.ts';
import { PassingService } from './server-beside.ts';

/** Serves a model until it is stopped: one replica of a group. [P81] */
export const onlineRunner =
  ({ host, models, beside }: ReplicaMachine): JobRunner<'online_inference'> =>
  async (scope) => {
    const { assignment, model: registered, signal } = scope;
    if (assignment.server !== undefined) {
      if (beside === undefined) return failed('model_unavailable', 'the agent has no server beside it: SLUICE_AGENT_SERVER is not set');
      return serve(host, new PassingService(beside, assignment.model), scope);
    }
    const model = await persistently(signal, () => models.use(assignment.model, registered));
    if (!model.ok) return failed('model_unavailable', messageOf(model.error));
    try {
      return await serve(host, new EmbeddingService(assignment.model, model.value.answerer), scope);
    } finally {
      await model.value.release();
    }
  };

interface ReplicaMachine {
  /** Where the gateway reaches it. */
  readonly host: string;
  readonly models: GatewayModels;
  readonly beside: ServerBeside | undefined;
}

async function serve(host: string, service: ReplicaService, scope: AttemptScope<'online_inference'>): Promise<RunEnd> {
  const server = await ReplicaServer.start(host, service);
  try {
    return await watch(server, service.startsSlowly, scope);
  } finally {
    // What it has begun it answers, while the pool still counts on it: callers have others for the rest.
    await server.drain(scope.signal.reason === ('lost' satisfies StopReason) ? 0 : scope.assignment.grace_ms);
  }
}

/**
 * Reports whether the service works, until it has failed too often in a row; rejects once the attempt must stop. Failures of a service that starts
 * slowly count from its first success on.
 */
async function watch(server: ReplicaServer, startsSlowly: boolean, scope: AttemptScope<'online_inference'>): Promise<RunEnd> {
  const { url, key } = server;
  const { onServing, signal } = scope;
  let wasHealthy: boolean | undefined;
  let isStarting = startsSlowly;
  for (let failures = 0; failures < POOL_LIMITS.replicaProbesMaxCount;) {
    const isHealthy = await server.isHealthy();
    signal.throwIfAborted();
    isStarting &&= !isHealthy;
    failures = isHealthy || isStarting ? 0 : failures + 1;
    if (isHealthy !== wasHealthy) onServing(() => ({ url, key, isHealthy, outstandingMilli: server.load.outstandingMilli() }));
    wasHealthy = isHealthy;
    await sleep(POOL_LIMITS.replicaProbeMs, undefined, { signal });
  }
  return failed('agent_error', `the replica did not answer ${POOL_LIMITS.replicaProbesMaxCount} times in a row`);
}
