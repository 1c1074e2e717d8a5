import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Assignment } from '../../src/contract/agent-protocol.ts';
import { KIND_FACTS } from '../../src/contract/job-facts.ts';
import type { PoolId } from '../../src/kernel/ids.ts';
import type { Cluster } from '../../src/pools/clusters/cluster.ts';
import { PoolClient } from '../agent/pool-client.ts';
import { ClusterClient, SecretFile } from './cluster-client.ts';
import type { DrivenPool } from './cluster-drive.ts';
import { ClusterDrive } from './cluster-drive.ts';
import type { DriverConfig } from './driver-config.ts';
import { KubernetesCluster } from './kubernetes-cluster.ts';
import { SlurmCluster } from './slurm-cluster.ts';

/** A driver with its parts, as a configuration describes it. */
export async function makeDrive(config: DriverConfig, log: (line: string) => void): Promise<ClusterDrive> {
  const token = (await readFile(config.agent_token_file, 'utf8')).trim();
  const client = new PoolClient({ url: config.gateway, poolId: config.pool, token, cacheSocket: undefined });
  return new ClusterDrive({
    cluster: clusterOf(config),
    pool: drivenPool(client, config),
    nowMs: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    random: Math.random,
    log,
    environmentOf: (assignment) => environmentOf(assignment, config),
    name: config.name,
    slots: config.slots,
    pollMs: config.poll_ms,
  });
}

const drivenPool = (client: PoolClient, { capacity, kinds }: DriverConfig): DrivenPool => ({
  register: async (name) => (await client.register({ name, kinds, ...(capacity === undefined ? {} : { capacity }) })).agent,
  lease: (agent, waitMs, signal) => client.lease(agent, waitMs, signal),
  wait: (attempt, signal) => client.heartbeat(attempt, null, signal),
  fail: (attempt, reason, message) => client.fail(attempt, { reason, message }),
});

function clusterOf(config: DriverConfig): Cluster {
  const token = new SecretFile(config.token_file);
  const settings = { ...config, poolId: config.pool as PoolId };
  if (config.kind === 'slurm') {
    const { user } = config;
    const headers = (text: string) => ({ 'X-SLURM-USER-NAME': user, 'X-SLURM-USER-TOKEN': text });
    return new SlurmCluster({
      client: new ClusterClient({ url: config.url, token, headers }),
      settings: {
        ...settings,
        timeLimitMinutes: config.time_limit_minutes,
        directory: config.directory,
        runner: config.runner,
        job: config.job,
      },
      slotsPerNode: config.slots_per_node,
      nowMs: () => performance.now(),
    });
  }
  return new KubernetesCluster({
    client: new ClusterClient({ url: config.url, token, headers: (text) => ({ authorization: `Bearer ${text}` }) }),
    namespace: config.namespace,
    settings: {
      poolId: settings.poolId,
      image: config.image,
      command: config.command,
      queue: config.queue,
      priorityClass: config.priority_class,
      timeLimitS: config.time_limit_s,
      tokenSecret: config.agent_token_secret,
      resources: config.resources,
      pod: config.pod,
    },
  });
}

/** What the runner (`workers/agent/run-once.ts`) reads. The token is not in it: everyone who may list the jobs of the cluster would see it. */
const environmentOf = (assignment: Assignment, config: DriverConfig): Readonly<Record<string, string>> => ({
  SLUICE_URL: config.gateway_from_nodes ?? config.gateway,
  SLUICE_POOL: config.pool,
  SLUICE_AGENT_ALLOW: config.kinds.filter((kind) => KIND_FACTS[kind].isOptIn).join(','),
  SLUICE_ASSIGNMENT: Buffer.from(JSON.stringify(assignment)).toString('base64url'),
  ...(config.kind === 'slurm' ? { SLUICE_AGENT_TOKEN_FILE: config.agent_token_file_on_nodes } : {}),
});
