import { setTimeout as sleep } from 'node:timers/promises';

import type { Progress } from '../../src/contract/attempt.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';

/** Why an attempt must stop before its work is done. */
export type StopReason = 'cancelled' | 'released' | 'lost';

export interface HeartbeatOptions {
  readonly client: Pick<PoolClient, 'heartbeat'>;
  readonly attempt: AttemptKey;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly progress: () => Progress;
  /** Called once, if the attempt must stop. */
  readonly stop: (reason: StopReason) => void;
  /** Ends the heartbeats. */
  readonly signal: AbortSignal;
}

/**
 * Keeps the lease of an attempt. The attempt is lost once the gateway reports it, or once the lease has run out here, timed from before the
 * last acknowledged heartbeat was sent.
 */
export async function keepAlive(options: HeartbeatOptions): Promise<void> {
  const { client, attempt, heartbeatMs, leaseMs, nowMs, signal } = options;
  let heardMs = nowMs();
  while (!signal.aborted) {
    const sentMs = nowMs();
    try {
      const { command } = await client.heartbeat(attempt, options.progress(), AbortSignal.any([signal, AbortSignal.timeout(heartbeatMs)]));
      heardMs = sentMs;
      if (command !== 'continue') return options.stop(command === 'cancel' ? 'cancelled' : 'released');
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused || nowMs() - heardMs >= leaseMs) return options.stop('lost');
    }
    await sleep(heartbeatMs, undefined, { signal }).catch(() => undefined);
  }
}
