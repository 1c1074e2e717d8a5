import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';

import type { Assignment } from '../../src/contract/pools/agent-protocol.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { agentRunners, allowedKinds } from './agent-runners.ts';
import { devicesGiven } from './machine-devices.ts';
import { GatewayModels, gatewayFiles } from './gateway-models.ts';
import { PoolClient, Refused, readConfig } from './pool-client.ts';
import { runAttempt } from './run-attempt.ts';

// The one attempt that a driver put into the environment of its job. It exits with 0 once the attempt's end is reported
// or is not its to report, and with another status when the driver has to find out from the cluster why the attempt ended.

/** As shells report a process that a signal ended. */
const SIGNALLED = 143;

/** Leaves it to the driver, which knows why the cluster ended the job, to report an attempt that a signal ended (P73). */
class ClusterPoolClient extends PoolClient {
  readonly signalled = new AbortController();

  override async fail(...args: Parameters<PoolClient['fail']>): Promise<void> {
    if (!this.signalled.signal.aborted) await super.fail(...args);
  }
}

process.once('uncaughtException', (error) => {
  console.error(`The attempt stops: ${error.message}`);
  process.exit(1);
});

const tokenFile = process.env['SLUICE_AGENT_TOKEN_FILE'];
const token = tokenFile === undefined ? process.env['SLUICE_AGENT_TOKEN'] : (await readFile(tokenFile, 'utf8')).trim();
const config = readConfig({ ...process.env, SLUICE_AGENT_TOKEN: token });
const assignment = JSON.parse(Buffer.from(process.env['SLUICE_ASSIGNMENT'] ?? '', 'base64url').toString()) as Assignment;
const models = new GatewayModels({ files: gatewayFiles(config.url), cacheSocket: config.cacheSocket });
const client = new ClusterPoolClient({ ...config, run: randomUUID() });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => client.signalled.abort());

if (await isOurs()) {
  await runAttempt(assignment, {
    client,
    runners: agentRunners({ ...config, devices: devicesGiven(process.env) }, models, allowedKinds(process.argv.slice(2), process.env)),
    secrets: [config.token, ...(config.beside?.key === undefined ? [] : [config.beside.key])],
    heartbeatMs: JOB_LIMITS.agentHeartbeatMs,
    leaseMs: JOB_LIMITS.agentLeaseMs,
    stopped: client.signalled.signal,
  });
}
process.exit(client.signalled.signal.aborted ? SIGNALLED : 0);

/** Takes the attempt for this process, before anything is done: a cluster may start a job twice, and late (P60). */
async function isOurs(): Promise<boolean> {
  const startedMs = performance.now();
  for (;;) {
    try {
      const signal = AbortSignal.any([client.signalled.signal, AbortSignal.timeout(JOB_LIMITS.agentLeaseMs)]);
      await client.heartbeat(assignment, { completed: 0, failed: 0, total: null }, signal);
      return true;
    } catch (error) {
      if ((error instanceof Refused && error.code === 'stale_fence') || client.signalled.signal.aborted) return false;
      // The driver keeps the attempt meanwhile.
      if (error instanceof Refused || performance.now() - startedMs > POOL_LIMITS.clusterStartMsMax) throw error;
      await new Promise((resolve) => void setTimeout(resolve, JOB_LIMITS.agentHeartbeatMs));
    }
  }
}
