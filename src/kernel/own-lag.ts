import type { Clock } from './clock.ts';

interface OwnLagParts {
  readonly clock: Clock;
  /** Sends the object a message of its own; resolves once that has had its turn. */
  readonly echo: () => Promise<unknown>;
  /** What was measured counts for so long at least, and twice as long at most. */
  readonly rememberedMs: number;
}

/** Shorter lags are those of an object that keeps up. */
const NOTICED_MS = 100;

/** So often at most the lag is measured beside what has to wait for it. */
const KNOWN_FOR_MS = 250;

/**
 * How far an object is behind the messages that have arrived for it. Messages have their turns in the order of their arrival: once one that it
 * sent itself has had its turn, so has all that arrived before that was sent. Silence can be judged up to that moment and no later; and less the
 * lag, as answers that came late let the next messages come late.
 */
export class OwnLag {
  readonly #parts: OwnLagParts;
  #running: Promise<void> | undefined;
  #sentAtMs = -Infinity;
  #heardUpToMs = -Infinity;
  /** The longest lags of the present stretch of `rememberedMs` and of the one before. */
  #longest = { ms: 0, beforeMs: 0, fromMs: -Infinity };

  constructor(parts: OwnLagParts) {
    this.#parts = parts;
  }

  /** The longest lag that counts, in milliseconds; 0 for an object that keeps up. */
  behindMs(): number {
    this.#turnOver();
    const { ms, beforeMs } = this.#longest;
    return noticed(Math.max(ms, beforeMs, this.#underWayMs()));
  }

  /** How far it is behind now: by the newest measurement, or one that is under way. */
  presentMs(): number {
    return noticed(Math.max(this.#newestMs, this.#underWayMs()));
  }

  #newestMs = 0;

  /** An agent, or another object, that has been silent up to then is so by its own fault; -Infinity: none is yet. */
  judgedMs(): number {
    return this.#heardUpToMs - this.behindMs();
  }

  /** Something was due then, and has its turn now. */
  late(dueMs: number): void {
    this.#note(this.#parts.clock.nowMs() - dueMs);
  }

  /** Resolves once all that had arrived has had its turn. Never fails: without an answer nothing is known. */
  measure(): Promise<void> {
    this.#running ??= this.#measured().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Measures unless that was done lately, for a caller that does not wait for it. */
  keepKnown(): Promise<void> {
    return this.#running === undefined && this.#parts.clock.nowMs() - this.#sentAtMs < KNOWN_FOR_MS ? Promise.resolve() : this.measure();
  }

  async #measured(): Promise<void> {
    const { clock, echo } = this.#parts;
    const sentAtMs = clock.nowMs();
    this.#sentAtMs = sentAtMs;
    try {
      await echo();
    } catch {
      return;
    }
    this.#heardUpToMs = Math.max(this.#heardUpToMs, sentAtMs);
    this.#newestMs = clock.nowMs() - sentAtMs;
    this.#note(this.#newestMs);
  }

  #underWayMs(): number {
    return this.#running === undefined ? 0 : this.#parts.clock.nowMs() - this.#sentAtMs;
  }

  #note(lagMs: number): void {
    this.#turnOver();
    this.#longest.ms = Math.max(this.#longest.ms, lagMs);
  }

  #turnOver(): void {
    const { clock, rememberedMs } = this.#parts;
    const nowMs = clock.nowMs();
    const { ms, fromMs } = this.#longest;
    if (nowMs - fromMs < rememberedMs) return;
    this.#longest = { ms: 0, beforeMs: nowMs - fromMs < 2 * rememberedMs ? ms : 0, fromMs: nowMs };
  }
}

const noticed = (lagMs: number): number => (lagMs < NOTICED_MS ? 0 : lagMs);
