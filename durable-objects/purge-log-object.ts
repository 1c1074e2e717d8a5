import { DurableObject } from 'cloudflare:workers';

import { effectiveAtMs, grantLease, openLeaseBook } from '../src/cache/purge-lease.ts';
import type { LeaseGrant } from '../src/cache/purge-lease.ts';
import type { LoggedPredicate } from '../src/cache/purge-predicate.ts';
import type { PurgeCommand, PurgeRecord } from '../src/cache/purge-record.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import type { PurgeId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { ObjectsEnv } from './env.ts';
import { PurgeLogStore } from './sqlite/purge-log-store.ts';

const TERMS = { leaseMs: LIMITS.purgeLeaseMs, guardMs: LIMITS.purgeLeaseGuardMs };

/** How soon an erasure goes on after a slice, and after a shard did not answer. */
const ERASE_NEXT_MS = 20;
const ERASE_RETRY_MS = 30_000;

/** A timer may fire a little early by the clock. */
async function until(atMs: number): Promise<void> {
  for (let nowMs = Date.now(); nowMs < atMs; nowMs = Date.now()) await scheduler.wait(atMs - nowMs);
}

/** The purge log of one tenant; its name is the tenant's id. SPEC: src/cache/SPEC.md. */
export class PurgeLogObject extends DurableObject<ObjectsEnv> {
  readonly #store = new PurgeLogStore(
    this.ctx.storage,
    { predicatesMax: LIMITS.purgePredicatesMaxCount, digestsMax: LIMITS.purgeDigestsMaxCount },
    LIMITS.purgeReceiptsMaxCount,
  );
  #leases = openLeaseBook(TERMS, Date.now());

  /** What a reader who knows the log up to `position` is missing, and for how long it may rely on that. */
  lease(position: number): LeaseGrant {
    this.#leases = grantLease(this.#leases, TERMS, Date.now());
    return { since: position, tail: this.#store.log.since(position), leaseMs: TERMS.leaseMs };
  }

  /** Appends a purge and answers once it holds for every reader. Refuses with `idempotency_mismatch`. */
  async purge(command: PurgeCommand): Promise<Outcome<PurgeRecord>> {
    const nowMs = Date.now();
    // Appending and fixing when it holds are one step: a lease granted from here on is on the new position.
    const appended = this.#store.append(command, nowMs, effectiveAtMs(this.#leases, nowMs));
    if (!appended.ok) return appended;
    if (!appended.value.erased) await this.ctx.storage.setAlarm(nowMs);
    await until(appended.value.effectiveAtMs);
    return appended;
  }

  find(purgeId: PurgeId): Outcome<PurgeRecord> {
    const record = this.#store.find(purgeId);
    return record === undefined ? refuse('purge_not_found', 'there is no such purge, or it is too long ago', 'purge') : ok(record);
  }

  /** Erases a slice of the oldest purge that is not erased yet. */
  override async alarm(): Promise<void> {
    const next = this.#store.nextErasure();
    if (next === undefined) return;
    const answers = await Promise.allSettled(this.#erase(next.tenantId, next.purge));
    if (answers.some(({ status }) => status === 'rejected')) {
      await this.ctx.storage.setAlarm(Date.now() + ERASE_RETRY_MS);
      return;
    }
    if (answers.every((answer) => answer.status === 'fulfilled' && !answer.value)) this.#store.erased(next.purge.position);
    if (this.#store.nextErasure() !== undefined) await this.ctx.storage.setAlarm(Date.now() + ERASE_NEXT_MS);
  }

  #erase(tenantId: TenantId, purge: LoggedPredicate): Promise<boolean>[] {
    return Array.from({ length: LIMITS.cacheShardsPerTenantCount }, async (_, shard) => {
      const namespace = this.env.EMBEDDING_CACHE;
      return namespace.get(namespace.idFromName(`${tenantId}:${shard}`)).erase(purge);
    });
  }
}
