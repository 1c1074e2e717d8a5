import { setTimeout as sleep } from 'node:timers/promises';

import type { Assignment, Registration } from '../../src/contract/pools/agent-protocol.ts';
import type { JobKind } from '../../src/contract/jobs/job-work.ts';
import { JOB_KINDS } from '../../src/contract/jobs/job-work.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { Backoff } from './backoff.ts';
import type { GatewayModels } from './gateway-models.ts';
import type { JobRunners } from './job-runner.ts';
import type { PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';
import { Readiness } from './readiness.ts';
import { runAttempt } from './run-attempt.ts';

export interface AgentOptions {
  readonly client: PoolClient;
  /** What it holds of models. */
  readonly models: Pick<GatewayModels, 'held' | 'unload'>;
  /** What it can do. */
  readonly runners: JobRunners;
  /** What no log may show. */
  readonly secrets: readonly string[];
  /** What it says of its machine. */
  readonly machine: Omit<Registration, 'kinds'>;
  readonly stopped: AbortSignal;
  readonly readiness?: Readiness;
  /** Stores the identity of the agent in its pool, once it has registered. */
  readonly keep?: (agent: string) => Promise<void>;
}

type Registered = Awaited<ReturnType<PoolClient['register']>>;

/**
 * Works for a pool until it is stopped, or the pool needs it no more: one attempt at a time, or as many at once as it says. Throws only when the
 * pool will not have this agent.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { client, models, machine, stopped, readiness = new Readiness() } = options;
  const backoff = new Backoff(Math.random);
  const running = new Map<string, Promise<void>>();
  const attempts = machine.attempts ?? 1;
  let registration: Registered | undefined;
  let isAway = false;
  while (!stopped.aborted) {
    try {
      registration ??= await registered(options, readiness);
      if (running.size >= attempts) {
        await Promise.race(running.values());
        continue;
      }
      const held = { attempts: [...running.keys()], weights: models.held() };
      const { assignment, unload } = await client.lease(registration.agent, JOB_LIMITS.longPollMsMax, stopped, held);
      backoff.reset();
      isAway = false;
      readiness.answered();
      await models.unload(unload);
      if (assignment === null || running.has(assignment.attempt)) continue;
      const { attempt } = assignment;
      running.set(
        attempt,
        run(assignment, registration, options).finally(() => {
          running.delete(attempt);
          readiness.running = running.size;
        }),
      );
      readiness.running = running.size;
    } catch (error) {
      readiness.lost(reasonOf(error));
      if (stopped.aborted || isRefusal(error, 'agent_retired')) break;
      // A pool that has forgotten this agent takes it again.
      if (isRefusal(error, 'state_conflict')) registration = undefined;
      else if (error instanceof Refused) throw error;
      else if (!isAway) {
        isAway = true;
        console.warn(`the gateway cannot be reached, trying on: ${reasonOf(error)}`);
      }
      await sleep(backoff.nextMs(), undefined, { signal: stopped }).catch(() => undefined);
    }
  }
  await takeLeave(registration, [...running.keys()], options);
  await Promise.all(running.values());
}

async function registered({ client, machine, runners, keep }: AgentOptions, readiness: Readiness): Promise<Registered> {
  const registration = await client.register({ ...machine, kinds: kindsOf(runners) });
  await keep?.(registration.agent);
  readiness.answered();
  return registration;
}

/**
 * The pool counts on an agent with room for an attempt until its poll would have ended: one that is stopped asks once more without waiting, after
 * which the pool does not, and gives back what it is given. A pool that cannot be reached learns of it later. [P115]
 */
async function takeLeave(registration: Registered | undefined, attempts: readonly string[], options: AgentOptions): Promise<void> {
  const { client, models, machine, stopped } = options;
  if (!stopped.aborted || registration === undefined || attempts.length >= (machine.attempts ?? 1)) return;
  const signal = AbortSignal.timeout(POOL_LIMITS.agentLeaveMs);
  try {
    const { assignment } = await client.lease(registration.agent, 0, signal, { attempts, weights: models.held() });
    if (assignment !== null) await client.fail(assignment, { reason: 'released', message: 'the agent stops' }, signal);
  } catch {
    // Nothing is lost but time.
  }
}

const isRefusal = (error: unknown, code: Refused['code']): boolean => error instanceof Refused && error.code === code;

/** An attempt that fails in a way that it could not report ends when its lease does. */
async function run(
  assignment: Assignment,
  { heartbeat_ms: heartbeatMs, lease_ms: leaseMs }: Registered,
  { client, runners, secrets, stopped }: AgentOptions,
): Promise<void> {
  try {
    await runAttempt(assignment, { client, runners, secrets, heartbeatMs, leaseMs, stopped });
  } catch (error) {
    console.warn(`attempt ${assignment.attempt} ended without a report: ${reasonOf(error)}`);
  }
}

const kindsOf = (runners: JobRunners): JobKind[] => JOB_KINDS.filter((kind) => runners[kind] !== undefined);

/** `fetch` keeps what happened in the cause of its error. */
const reasonOf = (error: unknown): string => String(error instanceof Error && error.cause instanceof Error ? error.cause : error);
