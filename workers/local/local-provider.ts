import { setTimeout as sleep } from 'node:timers/promises';

import { agentEndpoints } from '../../src/contract/pools/agent-protocol.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import type { AgentProcesses } from './agent-processes.ts';

interface ProviderOptions {
  readonly url: string;
  readonly pool: string;
  readonly agentToken: string;
  /** The names of its agents begin with it. */
  readonly name: string;
  /** Processes that this machine bears, at most. */
  readonly countMax: number;
  readonly agents: Pick<AgentProcesses, 'want'>;
  readonly stopped: AbortSignal;
  /** A wait after the gateway could not be reached. */
  readonly pauseMs?: number;
}

/** Starts agents of an elastic pool on this machine, as many as the pool wants; it sends them away by itself. */
export async function provideAgents({ stopped, pauseMs = 500, ...options }: ProviderOptions): Promise<void> {
  let known: number | undefined;
  while (!stopped.aborted) {
    try {
      known = await demand(options, known, stopped);
      options.agents.want(Math.min(known, options.countMax));
    } catch {
      if (stopped.aborted) return;
      known = undefined;
      await sleep(pauseMs, undefined, { signal: stopped }).catch(() => undefined);
    }
  }
}

async function demand({ url, pool, agentToken, name }: Omit<ProviderOptions, 'stopped'>, known: number | undefined, signal: AbortSignal) {
  const response = await fetch(`${url}/v1/pools/${pool}/demand`, {
    method: 'POST',
    headers: { authorization: `Bearer ${agentToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ provider: name, wait_ms: JOB_LIMITS.longPollMsMax, ...(known === undefined ? {} : { nodes: known }) }),
    signal,
  });
  if (!response.ok) throw new Error(`the pool answered ${response.status}`);
  return agentEndpoints.poolDemand.reply.schema.parse(await response.json()).nodes;
}
