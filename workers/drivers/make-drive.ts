import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Assignment } from '../../src/contract/pools/agent-protocol.ts';
import { KIND_FACTS } from '../../src/contract/jobs/job-facts.ts';
import type { PoolId } from '../../src/kernel/ids.ts';
import type { Cluster } from '../../src/pools/clusters/cluster.ts';
import { PoolClient } from '../agent/pool-client.ts';
import { ClusterClient, SecretFile } from './cluster-client.ts';
import type { DrivenPool } from './cluster-drive.ts';
import { ClusterDrive } from './cluster-drive.ts';
import type { DriverConfig } from './driver-config.ts';
import { KubernetesCluster } from './kubernetes-cluster.ts';
import { RayCluster } from './ray-cluster.ts';
import { SlurmCluster } from './slurm-cluster.ts';

/** A driver with its parts, as a configuration describes it. */
export async function makeDrive(config: DriverConfig, log: (line: string) => void): Promise<ClusterDrive> {
  return new ClusterDrive({
    cluster: clusterOf(config),
    pool: drivenPool(await poolOf(config), config),
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

/** The pool that a driver works for. Throws when the file with its token cannot be read. */
export async function poolOf(config: DriverConfig): Promise<PoolClient> {
  const token = (await readFile(config.agent_token_file, 'utf8')).trim();
  return new PoolClient({ url: config.gateway, poolId: config.pool, token, cacheSocket: undefined });
}

const drivenPool = (client: PoolClient, { capacity, kinds }: DriverConfig): DrivenPool => ({
  register: async (name) => (await client.register({ name, kinds, ...(capacity === undefined ? {} : { capacity }) })).agent,
  lease: async (agent, waitMs, signal) => (await client.lease(agent, waitMs, signal)).assignment,
  wait: (attempt, signal) => client.heartbeat(attempt, null, signal),
  fail: (attempt, reason, message) => client.fail(attempt, { reason, message }),
});

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

/** The cluster that a driver brings attempts to. */
export function clusterOf(config: DriverConfig): Cluster {
  const token = config.token_file === undefined ? undefined : new SecretFile(config.token_file);
  const [poolId, nowMs] = [config.pool as PoolId, () => performance.now()];
  const clientWith = (headers: (token: string) => Readonly<Record<string, string>>) =>
    new ClusterClient({ url: config.url, token, headers });
  switch (config.kind) {
    case 'slurm': {
      const { user, partition, directory, runner, job } = config;
      return new SlurmCluster({
        client: clientWith((text) => ({ 'X-SLURM-USER-NAME': user, 'X-SLURM-USER-TOKEN': text })),
        settings: { poolId, partition, timeLimitMinutes: config.time_limit_minutes, directory, runner, job },
        slotsPerNode: config.slots_per_node,
        nowMs,
      });
    }
    case 'ray': {
      const { runner, runtime_env: runtimeEnv, job } = config;
      return new RayCluster({ client: clientWith(bearer), settings: { poolId, runner, runtimeEnv, job }, nowMs });
    }
    case 'kubernetes': {
      const { namespace, image, command, queue, resources, pod } = config;
      const own = { priorityClass: config.priority_class, timeLimitS: config.time_limit_s, tokenSecret: config.agent_token_secret };
      const settings = { poolId, image, command, queue, resources, pod, ...own };
      return new KubernetesCluster({ client: clientWith(bearer), namespace, settings });
    }
  }
}

/** What the runner (`workers/agent/run-once.ts`) reads. The token is not in it: everyone who may list the jobs of the cluster would see it. */
const environmentOf = (assignment: Assignment, config: DriverConfig): Readonly<Record<string, string>> => ({
  SLUICE_URL: config.gateway_from_nodes ?? config.gateway,
  SLUICE_POOL: config.pool,
  SLUICE_AGENT_ALLOW: config.kinds.filter((kind) => KIND_FACTS[kind].isOptIn).join(','),
  SLUICE_ASSIGNMENT: Buffer.from(JSON.stringify(assignment)).toString('base64url'),
  ...(config.kind === 'kubernetes' ? {} : { SLUICE_AGENT_TOKEN_FILE: config.agent_token_file_on_nodes }),
});
