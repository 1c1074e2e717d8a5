import { setTimeout as sleep } from 'node:timers/promises';
import type { Serving } from '../../src/contract/jobs/attempt.ts';
import type { Progress } from '../../src/contract/jobs/attempt-report.ts';
import type { LeaseClock, StopReason, GroupPlace } from './job-runner.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';

const STOPS = { cancel: 'cancelled', stop: 'released', leave: 'left' } as const satisfies Record<string, StopReason>;

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
  /** Of a replica. */
  readonly serving: () => Serving | undefined;
  /** Called when the attempt must stop, and once more if it is lost after that. */
  readonly stop: (reason: StopReason) => void;
  /** Called with what the member is among those of its attempt. */
  readonly onGroup: (place: GroupPlace) => void;
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
  #isStopping = false;

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

  /** Sends one heartbeat, and does what its answer says. */
  async ask(): Promise<void> {
    const { client, attempt, leaseMs, nowMs, progress, serving, stop, onGroup, signal } = this.#options;
    const sentMs = nowMs();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#waitMs())]);
    const { command, group } = await client.heartbeat(attempt, progress(), limit, serving());
    this.#heldUntilMs = Math.max(this.#heldUntilMs, sentMs + leaseMs);
    for (const listener of this.#listeners) listener();
    onGroup({ version: group.version, rank: group.rank, worldSize: group.world_size });
    if (command === 'continue' || this.#isStopping) return;
    this.#isStopping = true;
    stop(STOPS[command]);
  }

  #waitMs(): number {
    return Math.max(1, Math.min(this.#options.heartbeatMs, this.leftMs()));
  }

  /** Beats until `signal` aborts or the attempt is lost. */
  async beat(): Promise<void> {
    const { stop, signal } = this.#options;
    while (!signal.aborted) {
      try {
        await this.ask();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Refused || this.leftMs() <= 0) return stop('lost');
      }
      await sleep(this.#waitMs(), undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && this.leftMs() <= 0) return stop('lost');
    }
  }
}
