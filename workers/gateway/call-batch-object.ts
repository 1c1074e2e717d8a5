import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../../src/contract/api/outcome.ts';
import { CALL_BATCH_LIMITS } from '../../src/contract/jobs/call-batch-limits.ts';
import type { CallBatchCalls } from '../../src/gateway/batches/call-batches.ts';
import type { CallBatch } from '../../src/upstreams/batches/call-batch.ts';
import { hasEnded } from '../../src/upstreams/batches/call-batch.ts';
import { SqliteCallBatches } from '../../src/upstreams/store/sqlite-call-batches.ts';
import type { Served } from '../../durable-objects/object-namespace.ts';
import type { GatewayEnv } from './env.ts';

/**
 * The batches of one tenant whose lines are calls of upstreams, and the work on them, alarm by alarm. It lives in the gateway's Worker because
 * the work takes the gateway's use cases and budgets, which no other Worker may reach.
 */
export class CallBatchObject extends DurableObject<GatewayEnv> implements Served<CallBatchCalls> {
  readonly #store = new SqliteCallBatches(this.ctx.storage);
  /** How often there was something new to do: an alarm that works meanwhile does not see it, and must not take its alarm away. */
  #asked = 0;

  async create(batch: CallBatch, digest: string): Promise<Outcome<CallBatch>> {
    const created = this.#store.create(batch, digest);
    if (created.ok) await this.#wake();
    return created;
  }

  find(id: string): CallBatch | undefined {
    return this.#store.find(id);
  }

  page(limit: number, after: string | undefined): ReturnType<SqliteCallBatches['page']> {
    return this.#store.page(limit, after);
  }

  async cancel(id: string, nowMs: number): Promise<CallBatch | undefined> {
    const batch = this.#store.find(id);
    if (batch === undefined || hasEnded(batch) || batch.status === 'cancelling') return batch;
    const cancelling = this.#store.change(id, { status: 'cancelling', cancellingAtMs: nowMs });
    await this.#wake();
    return cancelling;
  }

  count(): number {
    return this.#store.count();
  }

  erase(): void {
    this.#store.erase();
  }

  #wake(): Promise<void> {
    this.#asked += 1;
    return this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    // Armed again first: so an interruption or failure is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + CALL_BATCH_LIMITS.callBatchRetryMs);
    const asked = this.#asked;
    // Loaded by the first alarm: most isolates only answer requests.
    const { advanceCallBatches } = await import('./adapters/upstreams/call-batch-work.ts');
    const waitMs = await advanceCallBatches(this.env, this.#store, (work) => this.ctx.waitUntil(work));
    if (this.#asked !== asked) await this.ctx.storage.setAlarm(Date.now());
    else if (waitMs === null) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Date.now() + waitMs);
  }
}
