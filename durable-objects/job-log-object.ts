import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import { ok } from '../src/kernel/result.ts';
import type { LogPage, LogStream } from '../src/pools/sqlite-log-store.ts';
import { SqliteLogStore } from '../src/pools/sqlite-log-store.ts';
import { WaitingReaders } from './waiting-readers.ts';

/** Some of the logs of a tenant's jobs: those whose ids fall to this shard of them. */
export class JobLogObject extends DurableObject {
  readonly #store = new SqliteLogStore(this.ctx.storage);
  /** By job: calls that wait for more of its logs. */
  readonly #readers = new WaitingReaders<string>();

  /** Answers once the bytes are stored. Refuses with `tenant_suspended` once the tenant is erased. */
  async append(stream: LogStream, at: number, bytes: Uint8Array): Promise<Outcome<null>> {
    if (!this.#store.append(stream, at, bytes, Date.now())) return refuse('tenant_suspended', 'the tenant is erased');
    this.#readers.wake(stream.jobId);
    if ((await this.ctx.storage.getAlarm()) === null) await this.#arm();
    return ok(null);
  }

  close(stream: LogStream): void {
    this.#store.close(stream);
    this.#readers.wake(stream.jobId);
  }

  /** Parts from `from` on. Where there are none yet, waits up to `waitMs` for some; null for a stream that does not exist by then. */
  async read(stream: LogStream, from: number, bytesMax: number, waitMs: number): Promise<LogPage | null> {
    const deadlineMs = Date.now() + waitMs;
    for (;;) {
      const page = this.#store.read(stream, from, bytesMax);
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0 || page?.isClosed === true || (page?.parts.length ?? 0) > 0) return page ?? null;
      await this.#readers.changed(stream.jobId, leftMs);
    }
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.#store.erase();
    this.#readers.wakeAll();
  }

  streamCount(): number {
    return this.#store.streamCount();
  }

  override async alarm(): Promise<void> {
    this.#store.expire(Date.now());
    await this.#arm();
  }

  async #arm(): Promise<void> {
    const atMs = this.#store.nextExpiryMs();
    if (atMs !== undefined) await this.ctx.storage.setAlarm(Math.max(atMs, Date.now() + 1_000));
  }
}
