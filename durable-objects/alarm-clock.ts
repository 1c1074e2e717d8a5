import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import { OwnLag } from '../src/kernel/own-lag.ts';

/** An alarm that is this late has been lost. */
const LATE_MS = 10_000;

/** Where it is stored for when the alarm is set. */
const KEY = 'alarm_at_ms';

/** The alarm of an object, set no more often than needed, and how late the object is. */
export class AlarmClock {
  readonly lag: OwnLag;
  readonly #storage: DurableObjectStorage;
  /** When the alarm is known to ring; long ago when that is not known. */
  #atMs = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.lag = new OwnLag({ nowMs: () => Date.now(), pause: (ms) => scheduler.wait(ms) }, JOB_LIMITS.poolLeaseMs);
  }

  /** The alarm has rung: it is set no longer. Resolves once all that had arrived has had its turn. [J290] */
  async rang(): Promise<void> {
    this.#atMs = 0;
    const wasDueMs = this.#storage.kv.get<number>(KEY);
    this.#storage.kv.delete(KEY);
    // Pools had spoken by then that would have spoken again since, had the object been there.
    if (wasDueMs !== undefined && Date.now() - wasDueMs >= JOB_LIMITS.poolSyncMs) this.lag.late(wasDueMs - JOB_LIMITS.poolSyncMs);
    await this.lag.measure();
  }

  /** Makes it ring by then; Infinity: whenever it is set for. */
  async ringBy(dueMs: number): Promise<void> {
    const nowMs = Date.now();
    // Later than now, so that an alarm set while another rings is plainly another.
    const nextMs = Math.max(dueMs, nowMs + 1);
    const isSet = this.#atMs > nowMs - LATE_MS && this.#atMs <= nextMs;
    if (isSet || dueMs === Infinity) return;
    this.#atMs = nextMs;
    this.#storage.kv.put(KEY, nextMs);
    await this.#storage.setAlarm(nextMs);
  }
}
