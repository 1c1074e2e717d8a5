/** An alarm that is this late has been lost. */
const LATE_MS = 10_000;

/** The alarm of an object, set no more often than needed. */
export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  /** When the alarm is known to ring; long ago when that is not known. */
  #atMs = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** The alarm has rung: it is set no longer. */
  rang(): void {
    this.#atMs = 0;
  }

  /** Makes it ring by then; Infinity: whenever it is set for. */
  async ringBy(dueMs: number): Promise<void> {
    const nowMs = Date.now();
    // Later than now, so that an alarm set while another rings is plainly another.
    const nextMs = Math.max(dueMs, nowMs + 1);
    const isSet = this.#atMs > nowMs - LATE_MS && this.#atMs <= nextMs;
    if (isSet || dueMs === Infinity) return;
    this.#atMs = nextMs;
    await this.#storage.setAlarm(nextMs);
  }
}
