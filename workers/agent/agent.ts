import { setTimeout as sleep } from 'node:timers/promises';

import type { JobKind } from '../../src/contract/job-work.ts';
import { JOB_KINDS } from '../../src/contract/job-work.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import { Backoff } from './backoff.ts';
import type { JobRunners } from './job-runner.ts';
import type { PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';
import { runAttempt } from './run-attempt.ts';

export interface AgentOptions {
  readonly client: PoolClient;
  /** What it can do. */
  readonly runners: JobRunners;
  /** What no log may show. */
  readonly secrets: readonly string[];
  /** Lower-case letters, digits and hyphens: shown to the pool's operators. */
  readonly name: string;
  readonly stopped: AbortSignal;
}

type Registered = Awaited<ReturnType<PoolClient['register']>>;

/** Works for a pool, one attempt at a time, until stopped. Throws only when the pool will not have this agent. */
export async function runAgent({ client, runners, secrets, name, stopped }: AgentOptions): Promise<void> {
  const backoff = new Backoff(Math.random);
  let registration: Registered | undefined;
  let isAway = false;
  while (!stopped.aborted) {
    try {
      registration ??= await client.register({ name, kinds: kindsOf(runners) });
      const assignment = await client.lease(registration.agent, LIMITS.longPollMsMax, stopped);
      backoff.reset();
      isAway = false;
      if (assignment === null) continue;
      const terms = { heartbeatMs: registration.heartbeat_ms, leaseMs: registration.lease_ms };
      await runAttempt(assignment, { client, runners, secrets, ...terms, stopped });
    } catch (error) {
      if (stopped.aborted) return;
      // A pool that has forgotten this agent takes it again.
      if (error instanceof Refused && error.code === 'state_conflict') registration = undefined;
      else if (error instanceof Refused) throw error;
      else if (!isAway) {
        isAway = true;
        console.warn(`the gateway cannot be reached, trying on: ${reasonOf(error)}`);
      }
      await sleep(backoff.nextMs(), undefined, { signal: stopped }).catch(() => undefined);
    }
  }
}

const kindsOf = (runners: JobRunners): JobKind[] => JOB_KINDS.filter((kind) => runners[kind] !== undefined);

/** `fetch` keeps what happened in the cause of its error. */
const reasonOf = (error: unknown): string => String(error instanceof Error && error.cause instanceof Error ? error.cause : error);
