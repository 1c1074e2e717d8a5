import { setTimeout as sleep } from 'node:timers/promises';

import { Backoff } from './backoff.ts';
import { Refused } from './pool-client.ts';

/** Tries again while the gateway is away; the heartbeats end this once the attempt is lost. [P15] */
export async function persistently<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(Math.random);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      if (error instanceof Refused) throw error;
      await sleep(backoff.nextMs(), undefined, { signal });
    }
  }
}
