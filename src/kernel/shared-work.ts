import type { Clock } from './clock.ts';
import type { Result } from './result.ts';
import { err, ok } from './result.ts';
import type { WakeUps } from './wake-ups.ts';

/** Data that any request may hold. Promises, streams, responses and stubs belong to the request that made them. */
export type Plain<T> = T extends { readonly then: unknown } | { readonly getReader: unknown } | { readonly bodyUsed: unknown } ? never : T;

export interface SharedWorkBounds {
  /** A leader that takes so long is taken for dead, and a waiter takes over. Longer than the work can take. */
  readonly leaderMaxMs: number;
  /** So long one call waits for leaders, however many it outlives. */
  readonly waitMaxMs: number;
  /** Of one flight. */
  readonly waitersMaxCount: number;
  /** Work under further keys is done, and not shared. */
  readonly keysMaxCount: number;
}

export interface SharedWorkParts {
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
  readonly bounds: SharedWorkBounds;
}

/** Work under way, as data: what waiters look at. */
export interface Flight<T> {
  readonly startedAtMs: number;
  /** The leader's, for those who judge whether they may join. */
  readonly mark: number;
  waiting: number;
  isGivenUp: boolean;
  result: Landed<T> | Failed | undefined;
}

interface Landed<T> {
  readonly kind: 'landed';
  readonly value: T;
}

interface Failed {
  readonly kind: 'failed';
  /** What the leader threw, where errors are shared; else its message, of which each waiter makes an error. */
  readonly thrown: unknown;
}

/** A flight that answers a key with row `row` of its result. */
export interface Boarding<T> {
  readonly flight: Flight<T>;
  readonly row: number;
}

/** `crowded`: too many wait. `late`: it waited for `waitMaxMs`. */
export type NotShared = 'crowded' | 'late';

/** `deserted`: the leader is dead, and the next call of `find` does not name its flight any more. */
export type Joined<T> = Landed<T> | Failed | { readonly kind: 'deserted' } | { readonly kind: NotShared };

export interface Shared<T> {
  readonly value: T;
  readonly isLeader: boolean;
}

/** What is left of `waitMaxMs` to one call. */
export interface Patience {
  leftMs: number;
}

/**
 * Work that several calls want at once, and one of them does. SPEC.md beside this file.
 *
 * The first to ask leads: it does the work in its own request, which its own `waitUntil` keeps alive. The others wait by their own means
 * (`WakeUps`) and then read the result, which is plain data. No promise is kept here: in a Worker one request must not await what
 * another's I/O resolves.
 */
export class SharedWork<T> {
  readonly #parts: SharedWorkParts;
  readonly #boardings = new Map<string, Boarding<T>>();

  constructor(parts: SharedWorkParts) {
    this.#parts = parts;
  }

  patience(): Patience {
    return { leftMs: this.#parts.bounds.waitMaxMs };
  }

  /** Does the work, or waits for whoever does. Rejects when the work fails; a waiter then hears the message alone. */
  async run(
    key: string,
    work: (flight: Flight<T>) => Promise<Plain<T>>,
    patience: Patience = this.patience(),
  ): Promise<Result<Shared<T>, NotShared>> {
    for (;;) {
      const boarding = this.find(key);
      if (boarding === undefined) return ok({ value: await this.lead([key], work), isLeader: true });
      const joined = await this.join(boarding.flight, patience);
      switch (joined.kind) {
        case 'landed':
          return ok({ value: joined.value, isLeader: false });
        case 'failed':
          throw joined.thrown;
        case 'deserted':
          // Of all who wake now the first finds no flight and leads; the others find its (SW3).
          continue;
        case 'crowded':
        case 'late':
          return err(joined.kind);
      }
    }
  }

  /** What is under way for a key, unless its leader must be dead. */
  find(key: string): Boarding<T> | undefined {
    const boarding = this.#boardings.get(key);
    return boarding === undefined || this.#isDead(boarding.flight) ? undefined : boarding;
  }

  /** Nobody finds this work any more. Those who have joined are answered. */
  drop(key: string): void {
    this.#boardings.delete(key);
  }

  /** Whether a flight is the one that a key is answered by: it was not dropped, nor did a newer one take its place. */
  isCurrent(key: string, flight: Flight<T>): boolean {
    return this.#boardings.get(key)?.flight === flight;
  }

  /** Does the work, and announces meanwhile that it will answer `keys`, row by row. It takes the place of what was announced before. */
  lead(keys: readonly string[], work: (flight: Flight<T>) => Promise<Plain<T>>, mark = 0): Promise<T> {
    const { clock, wakeUps, bounds } = this.#parts;
    const flight: Flight<T> = { startedAtMs: clock.nowMs(), mark, waiting: 0, isGivenUp: false, result: undefined };
    this.#forgetDead();
    for (const [row, key] of keys.entries()) {
      if (this.#boardings.size < bounds.keysMaxCount || this.#boardings.has(key)) this.#boardings.set(key, { flight, row });
    }
    const done = this.#fly(flight, keys, work);
    wakeUps.keepAlive(done.catch(() => undefined));
    return done;
  }

  /** Waits until a flight is over, for as long as patience lasts. */
  async join(flight: Flight<T>, patience: Patience): Promise<Joined<T>> {
    const { bounds, wakeUps } = this.#parts;
    if (flight.waiting >= bounds.waitersMaxCount) return { kind: 'crowded' };
    flight.waiting += 1;
    let waitedMs = 0;
    for (let tries = 0; flight.result === undefined; tries += 1) {
      if (waitedMs >= bounds.leaderMaxMs) flight.isGivenUp = true;
      if (this.#isDead(flight) || patience.leftMs <= 0) break;
      const wakeMs = await wakeUps.wait(flight, tries, patience.leftMs);
      waitedMs += wakeMs;
      patience.leftMs -= wakeMs;
    }
    flight.waiting -= 1;
    if (flight.result?.kind === 'failed' && !wakeUps.sharesErrors)
      return { kind: 'failed', thrown: new Error(String(flight.result.thrown)) };
    return flight.result ?? { kind: this.#isDead(flight) ? 'deserted' : 'late' };
  }

  async #fly(flight: Flight<T>, keys: readonly string[], work: (flight: Flight<T>) => Promise<Plain<T>>): Promise<T> {
    try {
      const value: T = await work(flight);
      flight.result = { kind: 'landed', value };
      return value;
    } catch (thrown) {
      flight.result = { kind: 'failed', thrown: this.#parts.wakeUps.sharesErrors ? thrown : messageOf(thrown) };
      throw thrown;
    } finally {
      for (const key of keys) if (this.isCurrent(key, flight)) this.#boardings.delete(key);
      this.#parts.wakeUps.over(flight);
    }
  }

  /** Those of leaders that died, which nobody asked for since: they began first, and so come first. */
  #forgetDead(): void {
    for (const [key, { flight }] of this.#boardings) {
      if (!this.#isDead(flight)) return;
      this.#boardings.delete(key);
    }
  }

  // A clock that was set back makes a flight look as if it were to come.
  #isDead({ startedAtMs, isGivenUp }: Flight<T>): boolean {
    return isGivenUp || Math.abs(this.#parts.clock.nowMs() - startedAtMs) >= this.#parts.bounds.leaderMaxMs;
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
