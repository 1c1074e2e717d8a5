import { setTimeout as sleep } from 'node:timers/promises';

import { messageOf } from '../../src/contract/errors.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { GatewayModels } from './gateway-models.ts';
import type { AttemptScope, JobRunner, RunEnd, StopReason } from './job-runner.ts';
import { failed } from './job-runner.ts';
import { persistently } from './persistently.ts';
import { ReplicaServer } from './replica-server.ts';

/** Serves a model until it is stopped: one replica of a group. [P81] */
export class OnlineRunner implements JobRunner<'online_inference'> {
  /** Where the gateway reaches this machine. */
  readonly #host: string;
  readonly #models: GatewayModels;

  constructor(host: string, models: GatewayModels) {
    this.#host = host;
    this.#models = models;
  }

  async run(scope: AttemptScope<'online_inference'>): Promise<RunEnd> {
    const { assignment, model: registered, signal } = scope;
    const model = await persistently(signal, () => this.#models.use(assignment.model, registered));
    if (!model.ok) return failed('model_unavailable', messageOf(model.error));
    try {
      const server = await ReplicaServer.start(this.#host, assignment.model, model.value.answerer);
      try {
        return await watch(server, scope);
      } finally {
        // What it has begun it answers, while the pool still counts on it: callers have others for the rest.
        await server.drain(scope.signal.reason === ('lost' satisfies StopReason) ? 0 : assignment.grace_ms);
      }
    } finally {
      await model.value.release();
    }
  }
}

/** Says whether the server answers, until it has not for too often; rejects once the attempt must stop. */
async function watch(server: ReplicaServer, { onServing, signal }: AttemptScope<'online_inference'>): Promise<RunEnd> {
  const { url, key } = server;
  let wasHealthy: boolean | undefined;
  for (let failures = 0; failures < LIMITS.replicaProbesMaxCount;) {
    const isHealthy = await server.isHealthy();
    signal.throwIfAborted();
    failures = isHealthy ? 0 : failures + 1;
    if (isHealthy !== wasHealthy) onServing(() => ({ url, key, isHealthy, outstandingMilli: server.load.outstandingMilli() }));
    wasHealthy = isHealthy;
    await sleep(LIMITS.replicaProbeMs, undefined, { signal });
  }
  return failed('agent_error', `the replica did not answer ${LIMITS.replicaProbesMaxCount} times in a row`);
}
