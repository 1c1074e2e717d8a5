import { readFile } from 'node:fs/promises';

import { Refused } from '../agent/pool-client.ts';
import type { DriverConfig } from './driver-config.ts';
import { clusterOf, poolOf } from './make-drive.ts';

/**
 * What is wrong with what a configuration names: files that cannot be read, a gateway or a cluster that cannot be reached or refuses the
 * token. Nothing is registered or submitted.
 */
export async function faultsOf(config: DriverConfig): Promise<readonly string[]> {
  const files = ['agent_token_file', 'token_file'] as const;
  const found = await Promise.all([
    ...files.map((field) => faultOfFile(field, config[field])),
    faultOfGateway(config),
    faultOfCluster(config),
  ]);
  return found.flatMap((fault) => fault ?? []);
}

async function faultOfFile(field: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, 'utf8')).trim() === '' ? `${field}: ${path} is empty` : undefined;
  } catch (error) {
    return `${field}: ${String(error)}`;
  }
}

/** An attempt that never was: a pool that accepts the token says so, and changes nothing. */
const NO_ATTEMPT = { attempt: `att_${'0'.repeat(26)}_1`, fence: 1 };
const ANSWERED_MS_MAX = 10_000;

async function faultOfGateway(config: DriverConfig): Promise<string | undefined> {
  const pool = await poolOf(config).catch(() => undefined);
  // The file with the token has its own line.
  if (pool === undefined) return undefined;
  try {
    await pool.heartbeat(NO_ATTEMPT, null, AbortSignal.timeout(ANSWERED_MS_MAX));
  } catch (error) {
    if (error instanceof Refused && error.code === 'stale_fence') return undefined;
    return error instanceof Refused ? `pool: ${error.message}` : `gateway: ${config.gateway} cannot be reached: ${reasonOf(error)}`;
  }
  return undefined;
}

async function faultOfCluster(config: DriverConfig): Promise<string | undefined> {
  const cluster = clusterOf(config);
  try {
    await cluster.list();
    if ((await cluster.usableSlots()) === 0) return 'url: no node of the cluster takes new jobs';
  } catch (error) {
    // A file that cannot be read has its own line.
    return (error as NodeJS.ErrnoException).code === undefined ? `url: ${reasonOf(error)}` : undefined;
  } finally {
    cluster.close?.();
  }
  return undefined;
}

/** `fetch` keeps what happened in the cause of its error. */
const reasonOf = (error: unknown): string => {
  const { cause, message } = error as Error;
  return cause instanceof Error && !message.includes(cause.message) ? cause.message : message;
};
