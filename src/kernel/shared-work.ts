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
  /** The leader's context, for callers that decide whether they may join. */
  readonly mark: number;
  waiting: number;
  isGivenUp: boolean;
  result: Done<T> | Failed | undefined;
}

interface Done<T> {
  readonly kind: 'done';
  readonly value: T;
}

interface Failed {
  readonly kind: 'failed';
  /** What the leader threw, where errors are shared; else its message, of which each waiter makes an error. */
  readonly thrown: unknown;
}

/** A flight that answers a key with row `row` of its result. */
export interface FlightEntry<T> {
  readonly flight: Flight<T>;
  readonly row: number;
}

/** `crowded`: too many wait. `late`: it waited for `waitMaxMs`. */
export type NotShared = 'crowded' | 'late';

/** `abandoned`: the leader is dead, and the next call of `find` does not name its flight any more. */
export type Joined<T> = Done<T> | Failed | { readonly kind: 'abandoned' } | { readonly kind: NotShared };

export interface Shared<T> {
  readonly value: T;
  readonly isLeader: boolean;
}

/** What is left of `waitMaxMs` to one call. */
export interface WaitBudget {
  leftMs: number;
}

/**
 * Work that several calls want at once, and one of them does (rules SW1-SW8 of SPEC.md in this folder). The first caller leads: it does the
 * work in its own request, which its own `waitUntil` keeps alive. The others wait by their own means (`WakeUps`) and then read the result,
 * which is plain data.
 *
 * No promise is stored here: in a Worker one request must not await what another's I/O resolves.
 */
export class SharedWork<T> {
  readonly #parts: SharedWorkParts;
  readonly #entries = new Map<string, FlightEntry<T>>();

  constructor(parts: SharedWorkParts) {
    this.#parts = parts;
  }

  waitBudget(): WaitBudget {
    return { leftMs: this.#parts.bounds.waitMaxMs };
  }

  /** Does the work, or waits for its leader. Rejects when the work fails; a waiter then gets the message alone. */
  async run(
    key: string,
    work: (flight: Flight<T>) => Promise<Plain<T>>,
    waitBudget: WaitBudget = this.waitBudget(),
  ): Promise<Result<Shared<T>, NotShared>> {
    for (;;) {
      const entry = this.find(key);
      if (entry === undefined) return ok({ value: await this.lead([key], work), isLeader: true });
      const joined = await this.join(entry.flight, waitBudget);
      switch (joined.kind) {
        case 'done':
          return ok({ value: joined.value, isLeader: false });
        case 'failed':
          throw joined.thrown;
        case 'abandoned':
          // Of all waiters that wake now the first finds no flight and leads; the others find its (SW3).
          continue;
        case 'crowded':
        case 'late':
          return err(joined.kind);
      }
    }
  }

  /** What is under way for a key, unless its leader must be dead. */
  find(key: string): FlightEntry<T> | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || this.#isDead(entry.flight) ? undefined : entry;
  }

  /** No later caller finds this work any more. Those that have joined are answered. */
  drop(key: string): void {
    this.#entries.delete(key);
  }

  /** Whether a flight is the one that answers a key: it was neither dropped nor replaced by a newer one. */
  isCurrent(key: string, flight: Flight<T>): boolean {
    return this.#entries.get(key)?.flight === flight;
  }

  /** Does the work, and announces meanwhile that it will answer `keys`, row by row. It replaces what was announced before. */
  lead(keys: readonly string[], work: (flight: Flight<T>) => Promise<Plain<T>>, mark = 0): Promise<T> {
    const { clock, wakeUps, bounds } = this.#parts;
    const flight: Flight<T> = { startedAtMs: clock.nowMs(), mark, waiting: 0, isGivenUp: false, result: undefined };
    this.#forgetDead();
    for (const [row, key] of keys.entries()) {
      if (this.#entries.size < bounds.keysMaxCount || this.#entries.has(key)) this.#entries.set(key, { flight, row });
    }
    const done = this.#fly(flight, keys, work);
    wakeUps.keepAlive(done.catch(() => undefined));
    return done;
  }

  /** Waits until a flight is over, for as long as the budget lasts. */
  async join(flight: Flight<T>, waitBudget: WaitBudget): Promise<Joined<T>> {
    const { bounds, wakeUps } = this.#parts;
    if (flight.waiting >= bounds.waitersMaxCount) return { kind: 'crowded' };
    flight.waiting += 1;
    let waitedMs = 0;
    for (let tries = 0; flight.result === undefined; tries += 1) {
      if (waitedMs >= bounds.leaderMaxMs) flight.isGivenUp = true;
      if (this.#isDead(flight) || waitBudget.leftMs <= 0) break;
      const wakeMs = await wakeUps.wait(flight, tries, waitBudget.leftMs);
      waitedMs += wakeMs;
      waitBudget.leftMs -= wakeMs;
    }
    flight.waiting -= 1;
    if (flight.result?.kind === 'failed' && !wakeUps.sharesErrors)
      return { kind: 'failed', thrown: new Error(String(flight.result.thrown)) };
    return flight.result ?? { kind: this.#isDead(flight) ? 'abandoned' : 'late' };
  }

  async #fly(flight: Flight<T>, keys: readonly string[], work: (flight: Flight<T>) => Promise<Plain<T>>): Promise<T> {
    try {
      const value: T = await work(flight);
      flight.result = { kind: 'done', value };
      return value;
    } catch (thrown) {
      flight.result = { kind: 'failed', thrown: this.#parts.wakeUps.sharesErrors ? thrown : messageOf(thrown) };
      throw thrown;
    } finally {
      for (const key of keys) if (this.isCurrent(key, flight)) this.#entries.delete(key);
      this.#parts.wakeUps.over(flight);
    }
  }

  /** Flights of leaders that died, which were not requested since: they began first, and so come first. */
  #forgetDead(): void {
    for (const [key, { flight }] of this.#entries) {
      if (!this.#isDead(flight)) return;
      this.#entries.delete(key);
    }
  }

  // A clock that was set back makes a flight look as if it were to come.
  #isDead({ startedAtMs, isGivenUp }: Flight<T>): boolean {
    return isGivenUp || Math.abs(this.#parts.clock.nowMs() - startedAtMs) >= this.#parts.bounds.leaderMaxMs;
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
