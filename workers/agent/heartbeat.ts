import { setTimeout as sleep } from 'node:timers/promises';

import type { Progress } from '../../src/contract/attempt-report.ts';
import type { LeaseClock, StopReason } from './job-runner.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';

export interface HeartbeatOptions {
  readonly client: Pick<PoolClient, 'heartbeat'>;
  readonly attempt: AttemptKey;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** So long before the lease runs out, the attempt counts as lost: what runs has to be killed by then. */
  readonly killMs: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly progress: () => Progress;
  /** Called when the attempt must stop, and once more if it is lost after that. */
  readonly stop: (reason: StopReason) => void;
  /** Ends the heartbeats. */
  readonly signal: AbortSignal;
}

/**
 * The lease of an attempt, and the heartbeats that keep it, also while the attempt stops. The attempt is lost once the gateway reports it, or
 * `killMs` before the lease runs out here, timed from before the last acknowledged heartbeat was sent: what runs is killed by then. [P16]
 */
export class Heartbeats implements LeaseClock {
  readonly #options: HeartbeatOptions;
  readonly #listeners: (() => void)[] = [];
  #heldUntilMs: number;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#heldUntilMs = options.nowMs() + options.leaseMs;
  }

  leftMs(): number {
    const { nowMs, killMs } = this.#options;
    return this.#heldUntilMs - killMs - nowMs();
  }

  onExtended(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Beats until `signal` aborts or the attempt is lost. */
  async beat(): Promise<void> {
    const { client, attempt, heartbeatMs, leaseMs, nowMs, progress, stop, signal } = this.#options;
    const waitMs = (): number => Math.max(1, Math.min(heartbeatMs, this.leftMs()));
    let isStopping = false;
    while (!signal.aborted) {
      const sentMs = nowMs();
      try {
        const { command } = await client.heartbeat(attempt, progress(), AbortSignal.any([signal, AbortSignal.timeout(waitMs())]));
        this.#heldUntilMs = sentMs + leaseMs;
        for (const listener of this.#listeners) listener();
        if (command !== 'continue' && !isStopping) {
          isStopping = true;
          stop(command === 'cancel' ? 'cancelled' : 'released');
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Refused || this.leftMs() <= 0) return stop('lost');
      }
      await sleep(waitMs(), undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && this.leftMs() <= 0) return stop('lost');
    }
  }
}
