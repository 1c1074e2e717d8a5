/** The clock of an object and its timer. */
interface Time {
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

/** Shorter lags are those of an object that keeps up. */
const NOTICED_MS = 100;

/** So often at most the lag is measured beside what has to wait for it. */
const KNOWN_FOR_MS = 250;

/** What may be late, one after another: an answer, what its receiver says then, and the turn in which that is written. */
const WAYS = 3;

/** The timer by which it is measured. */
const TIMER_MS = 1;

/**
 * How far an object is behind what has arrived for it: how late its timers are, which have their turns among the messages (as Envoy's overload
 * manager measures the delay of its event loop), its alarm, and the answers of other objects. What arrived before a timer was set has had its turn when that
 * fires: so silence can be judged up to that moment and no later; and less the lag, as answers that came late let the next messages come late.
 */
export class OwnLag {
  readonly #time: Time;
  readonly #rememberedMs: number;
  #running: Promise<void> | undefined;
  #setAtMs = -Infinity;
  #heardUpToMs = -Infinity;
  #newestMs = 0;
  #calledAtMs = Infinity;
  /** The longest lags of the present stretch of `rememberedMs` and of the one before. */
  #longest = { ms: 0, beforeMs: 0, fromMs: -Infinity };

  /** `rememberedMs`: what was measured counts for so long at least, and twice as long at most. */
  constructor(time: Time, rememberedMs: number) {
    this.#time = time;
    this.#rememberedMs = rememberedMs;
  }

  /** The longest lag that counts, in milliseconds; 0 for an object that keeps up. */
  behindMs(): number {
    this.#turnOver();
    const { ms, beforeMs } = this.#longest;
    return noticed(Math.max(ms, beforeMs, this.#underWayMs(), this.#awaitedMs()));
  }

  /** How far it is behind now: by the newest measurement, or one that is under way. */
  presentMs(): number {
    return noticed(Math.max(this.#newestMs, this.#underWayMs()));
  }

  /** An agent, or another object, that has been silent up to then is so by its own fault; -Infinity: none is yet. */
  judgedMs(): number {
    return this.#heardUpToMs - WAYS * this.behindMs();
  }

  /** Something was due then, and has its turn now. */
  late(dueMs: number): void {
    this.#note(this.#time.nowMs() - dueMs);
  }

  /** What `call` comes to. It is a call of another object, one at a time, and takes as long as calls do now, there and back. */
  async during<T>(call: Promise<T>): Promise<T> {
    this.#calledAtMs = this.#time.nowMs();
    try {
      return await call;
    } finally {
      this.#note(this.#awaitedMs());
      this.#calledAtMs = Infinity;
    }
  }

  /** Resolves once all that had arrived has had its turn. */
  measure(): Promise<void> {
    this.#running ??= this.#measured().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Measures unless that was done lately, for a caller that does not wait for it. */
  keepKnown(): Promise<void> {
    return this.#running === undefined && this.#time.nowMs() - this.#setAtMs < KNOWN_FOR_MS ? Promise.resolve() : this.measure();
  }

  async #measured(): Promise<void> {
    const setAtMs = this.#time.nowMs();
    this.#setAtMs = setAtMs;
    await this.#time.pause(TIMER_MS);
    this.#heardUpToMs = Math.max(this.#heardUpToMs, setAtMs);
    this.#newestMs = this.#underWayMs();
    this.#note(this.#newestMs);
  }

  /** As much of a call that is under way as each of its ways takes. */
  #awaitedMs(): number {
    return (this.#time.nowMs() - this.#calledAtMs) / WAYS;
  }

  #underWayMs(): number {
    return this.#running === undefined ? 0 : this.#time.nowMs() - this.#setAtMs - TIMER_MS;
  }

  #note(lagMs: number): void {
    this.#turnOver();
    this.#longest.ms = Math.max(this.#longest.ms, lagMs);
  }

  #turnOver(): void {
    const nowMs = this.#time.nowMs();
    const rememberedMs = this.#rememberedMs;
    const { ms, fromMs } = this.#longest;
    if (nowMs - fromMs < rememberedMs) return;
    this.#longest = { ms: 0, beforeMs: nowMs - fromMs < 2 * rememberedMs ? ms : 0, fromMs: nowMs };
  }
}

const noticed = (lagMs: number): number => (lagMs < NOTICED_MS ? 0 : lagMs);
