import { describe, expect, it } from 'vitest';

import type { Assignment } from '../../../src/contract/pools/agent-protocol.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { runAgent } from '../../../workers/agent/agent.ts';
import type { PoolClient } from '../../../workers/agent/pool-client.ts';
import { deferred } from '../../support/fakes/deferred.ts';

const ASSIGNMENT: Assignment = { attempt: 'att_x_1', fence: 1, kind: 'batch_embedding', model: 'm' };
const NOTHING: Leased = { assignment: null, unload: [] };

type Leased = Awaited<ReturnType<PoolClient['lease']>>;
type Lease = (waitMs: number, signal: AbortSignal, attempts: readonly string[]) => Promise<Leased>;

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

/** Runs an agent whose polls are answered by `lease`, and returns what it reported to its pool. */
async function run(stop: AbortController, lease: Lease, attempts = 1, running = Promise.resolve()): Promise<readonly string[]> {
  const reported: string[] = [];
  const client = {
    register: async () => ({ agent: 'agt_1', lease_ms: 10_000, heartbeat_ms: 2_000 }),
    lease: async (_agent: string, waitMs: number, signal: AbortSignal, held: { attempts: readonly string[] }) => {
      reported.push(`asks for ${waitMs} ms with ${held.attempts.length}`);
      return lease(waitMs, signal, held.attempts);
    },
    heartbeat: async () => ({ command: 'continue', group: { version: 0, rank: 0, world_size: 1 } }),
    fail: async ({ attempt }: Assignment, { reason }: { reason: string }) => void reported.push(`${attempt} ${reason}`),
  } as unknown as PoolClient;
  const runner = async ({ signal }: { signal: AbortSignal }): Promise<never> => {
    await running;
    return untilAborted(signal);
  };
  await runAgent({
    client,
    models: { held: () => [], unload: async () => {} },
    runners: { batch_embedding: runner },
    secrets: [],
    machine: { name: 'a', attempts },
    stopped: stop.signal,
  });
  return reported;
}

const POLL = `asks for ${JOB_LIMITS.longPollMsMax} ms`;

describe('[P115] an agent that is stopped', () => {
  it('[P115] while it waits for work asks once more without a wait', async () => {
    const stop = new AbortController();
    const reported = await run(stop, async (waitMs, signal) => {
      if (waitMs === 0) return NOTHING;
      queueMicrotask(() => stop.abort());
      return untilAborted(signal);
    });
    expect(reported).toEqual([`${POLL} with 0`, 'asks for 0 ms with 0']);
  });

  it('[P115] gives back the attempt whose assignment its stop has cut off', async () => {
    const stop = new AbortController();
    const reported = await run(stop, async (waitMs, signal) => {
      if (waitMs === 0) return { assignment: ASSIGNMENT, unload: [] };
      queueMicrotask(() => stop.abort());
      return untilAborted(signal);
    });
    expect(reported).toEqual([`${POLL} with 0`, 'asks for 0 ms with 0', 'att_x_1 released']);
  });

  it('[P115] with room for another attempt names what it runs, which ends as always', async () => {
    const stop = new AbortController();
    const reported = await run(
      stop,
      async (waitMs, signal, attempts) => {
        if (waitMs === 0) return NOTHING;
        if (attempts.length === 0) return { assignment: ASSIGNMENT, unload: [] };
        queueMicrotask(() => stop.abort());
        return untilAborted(signal);
      },
      2,
    );
    expect(reported.slice(0, 2)).toEqual([`${POLL} with 0`, `${POLL} with 1`]);
    expect(reported.slice(2).toSorted()).toEqual(['asks for 0 ms with 1', 'att_x_1 released']);
  });

  it('[P115] without room for another attempt asks for none', async () => {
    const stop = new AbortController();
    const begun = deferred<void>();
    const reported = run(
      stop,
      async () => {
        // Once the attempt runs, there is nothing to ask for.
        begun.resolve();
        return { assignment: ASSIGNMENT, unload: [] };
      },
      1,
      begun.promise.then(() => stop.abort()),
    );
    expect(await reported).toEqual([`${POLL} with 0`, 'att_x_1 released']);
  });

  it('[P115] ends all the same when its pool does not answer', async () => {
    const stop = new AbortController();
    const reported = await run(stop, async (waitMs, signal) => {
      if (waitMs > 0) queueMicrotask(() => stop.abort());
      return untilAborted(signal);
    });
    expect(reported).toEqual([`${POLL} with 0`, 'asks for 0 ms with 0']);
  });
});
