import { loadavg } from 'node:os';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { PartitionedPool } from '../support/worlds/partitioned-pool.ts';
import { cpuMs } from './scheduler/cpu-ms.ts';

const PASS_MS = 60_000;
/** Of each agent, a whole number of `poolSyncMs`. */
const HEARTBEAT_MS = 4_000;

/** A pool of as many agents as a pool may have, each with an attempt: what reaches the scheduler, and what it takes, by an injected clock. */
export async function poolsBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const agentsEach = JOB_LIMITS.agentsPerPartitionMaxCount;
  const partitions = quick ? 2 : JOB_LIMITS.agentsMaxCount / agentsEach;
  const pool = new PartitionedPool({ partitions, agentsEach, heartbeatMs: HEARTBEAT_MS, cpuMs });
  await pool.fill();
  await pool.pass(PASS_MS);
  const perS = (count: number): string => ((1_000 * count) / PASS_MS).toFixed(1);
  console.log(
    `${partitions * agentsEach} agents in ${partitions} partitions, ${pool.running} attempts run; in ${PASS_MS / 1_000} s: ` +
      `${perS(pool.heartbeats / partitions)} heartbeats/s to a partition, ${perS(pool.exchanges)} messages/s to the scheduler with ` +
      `${perS(pool.reports)} reports/s, scheduler CPU ${((100 * pool.schedulerCpuMs) / PASS_MS).toFixed(2)} % of one core; load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
}
