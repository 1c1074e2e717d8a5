import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import { OwnLag } from '../src/kernel/own-lag.ts';
import { SqliteAlarmTime } from '../src/pools/sqlite-alarm-time.ts';
import type { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';

/** The alarm of a partition, every `poolSyncMs` while there are agents or leases, and how late the object is. */
export class PoolRhythm {
  readonly lag: OwnLag;
  readonly #storage: DurableObjectStorage;
  readonly #store: SqlitePoolStore;
  readonly #time: SqliteAlarmTime;
  /** When the alarm is known to ring; in the past when that is not known. */
  #alarmAtMs = 0;

  constructor(storage: DurableObjectStorage, store: SqlitePoolStore) {
    this.#storage = storage;
    this.#store = store;
    this.#time = new SqliteAlarmTime(storage);
    this.lag = new OwnLag({ nowMs: () => Date.now(), pause: (ms) => scheduler.wait(ms) }, JOB_LIMITS.agentLeaseMs);
  }

  /** The alarm has rung. Resolves once all that had arrived by then has had its turn, with the next alarm set: whatever follows may fail. */
  async rang(): Promise<void> {
    this.#alarmAtMs = 0;
    await this.arm();
    await this.lag.measure();
  }

  async arm(): Promise<void> {
    const nowMs = Date.now();
    if (this.#alarmAtMs > nowMs || this.#store.identity() === undefined) return;
    const wasDueMs = this.#time.get();
    // Also where it was another incarnation that set it, and the machine was away in between.
    if (wasDueMs > 0) this.lag.late(wasDueMs);
    const isBusy = this.#store.isBusy();
    if (isBusy) this.#alarmAtMs = nowMs + JOB_LIMITS.poolSyncMs;
    if (isBusy || wasDueMs > 0) this.#time.set(isBusy ? this.#alarmAtMs : 0);
    if (isBusy) await this.#storage.setAlarm(this.#alarmAtMs);
  }
}
