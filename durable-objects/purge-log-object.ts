import { DurableObject } from 'cloudflare:workers';

import { cacheLayoutOf, shardsOf } from '../src/cache/cache-layout.ts';
import { effectiveAtMs, grantLease, openLeaseBook } from '../src/cache/purge-lease.ts';
import type { LeaseGrant } from '../src/cache/purge-lease.ts';
import type { PurgeCommand, PurgeCount, PurgePredicate, PurgeRecord, PurgeSelection } from '../src/cache/purge-predicate.ts';
import { broughtBy, predicateAt } from '../src/cache/purge-predicate.ts';
import { CACHE_LIMITS } from '../src/contract/caches/cache-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse, refuseResource } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { ERASED_TENANT, underLease } from '../src/contract/tenancy/write-lease.ts';
import type { CacheOwnerId, PurgeId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { EmbeddingCacheObject } from './embedding-cache-object.ts';
import type { ObjectsEnv } from './env.ts';
import type { Erasure } from '../src/cache/store/purge-log-store.ts';
import { PurgeLogStore } from '../src/cache/store/purge-log-store.ts';

const TERMS = { leaseMs: CACHE_LIMITS.purgeLeaseMs, guardMs: CACHE_LIMITS.purgeLeaseGuardMs };

/** The delay after which an erasure continues, after a slice or after a shard did not answer. */
const ERASE_NEXT_MS = 20;
const ERASE_RETRY_MS = 30_000;
/** After this the erasure of a tenant is answered, done or not: its count decides. */
const ERASE_MAX_MS = 10_000;

/** A timer may fire a little early by the clock. */
async function until(atMs: number): Promise<void> {
  for (let nowMs = Date.now(); nowMs < atMs; nowMs = Date.now()) await scheduler.wait(atMs - nowMs);
}

/** The purge log of one cache; its name is the id of the cache's owner. SPEC: src/cache/SPEC.md. */
export class PurgeLogObject extends DurableObject<ObjectsEnv> {
  readonly #store = new PurgeLogStore(
    this.ctx.storage,
    { predicatesMax: CACHE_LIMITS.purgePredicatesMaxCount, termsMax: CACHE_LIMITS.purgeTermsMaxCount },
    CACHE_LIMITS.purgeReceiptsMaxCount,
  );
  #leases = openLeaseBook(TERMS, Date.now());

  /** The purges after `position` that a reader lacks, and for how long it may rely on them. */
  lease(position: number): LeaseGrant {
    const nowMs = Date.now();
    this.#leases = grantLease(this.#leases, TERMS, nowMs);
    return { since: position, tail: this.#store.log.since(position), leaseMs: TERMS.leaseMs, grantedAtMs: nowMs };
  }

  /**
   * Appends a purge and answers once it holds for every reader, or at once when asked to be `fast`. Refuses with
   * `idempotency_mismatch`, with `lease_expired`, or with `tenant_suspended` once the tenant is erased.
   */
  async purge(command: PurgeCommand, lease?: WriteLease): Promise<Outcome<PurgeRecord>> {
    const nowMs = Date.now();
    const leased = this.#store.hasErased(command.tenantId) ? ERASED_TENANT : underLease(lease, nowMs);
    if (!leased.ok) return leased;
    // Appending and fixing when it holds are one step: a lease granted from here on is on the new position.
    const appended = this.#store.append(command, nowMs, effectiveAtMs(this.#leases, nowMs));
    if (!appended.ok) return appended;
    if (this.#store.nextErasure() !== undefined) await this.ctx.storage.setAlarm(nowMs);
    if (command.consistency === 'next-read') await until(appended.value.effectiveAtMs);
    return appended;
  }

  find(purgeId: PurgeId): Outcome<PurgeRecord> {
    const record = this.#store.find(purgeId);
    return record === undefined
      ? refuseResource('purge_not_found', { kind: 'purge', name: purgeId }, 'there is no such purge, or its record has expired', 'purge')
      : ok(record);
  }

  /**
   * Takes what a tenant brought into this cache, for every reader and from storage, as far as one call comes: alarms do the rest. Repeating it
   * changes nothing. From now on the tenant purges nothing here (T72).
   */
  async eraseTenant(owner: CacheOwnerId, tenantId: TenantId): Promise<Outcome<null>> {
    const nowMs = Date.now();
    await until(this.#store.eraseTenant(owner, tenantId, nowMs, effectiveAtMs(this.#leases, nowMs)));
    await this.ctx.storage.setAlarm(Date.now());
    for (let erasure = this.#store.nextErasure(); erasure !== undefined; erasure = this.#store.nextErasure()) {
      if (Date.now() - nowMs > ERASE_MAX_MS || !(await this.#erase(erasure))) break;
    }
    return ok(null);
  }

  /** How many entries the tenant brought in. Refuses with `unavailable` unless every shard answers. */
  async left(owner: CacheOwnerId, tenantId: TenantId): Promise<Outcome<number>> {
    const counted = await this.#count(owner, broughtBy(owner, tenantId));
    return counted.ok ? ok(counted.value.entries) : counted;
  }

  /** What a purge would find in the second level now. Refuses with `unavailable` unless every shard answers. */
  count(owner: CacheOwnerId, selection: PurgeSelection): Promise<Outcome<PurgeCount>> {
    return this.#count(owner, predicateAt(selection, Date.now()));
  }

  async #count(owner: CacheOwnerId, predicate: PurgePredicate): Promise<Outcome<PurgeCount>> {
    const counts = this.#shards(owner).map(async ({ stub }) => {
      let [entries, bytes] = [0, 0];
      for (let after: number | null = 0; after !== null;) {
        const slice: Awaited<ReturnType<typeof stub.count>> = await stub.count(predicate, after);
        entries += slice.entries;
        bytes += slice.bytes;
        after = slice.next;
      }
      return { entries, bytes };
    });
    try {
      return ok((await Promise.all(counts)).reduce((sum, of) => ({ entries: sum.entries + of.entries, bytes: sum.bytes + of.bytes })));
    } catch {
      return refuse('unavailable', 'a shard of the cache cannot be reached, so the count would be too low');
    }
  }

  /** Erases a slice of the oldest purge that is not erased yet, in every shard. */
  override async alarm(): Promise<void> {
    const erasure = this.#store.nextErasure();
    if (erasure === undefined) return;
    const isComplete = await this.#erase(erasure);
    if (this.#store.nextErasure() === undefined) return;
    await this.ctx.storage.setAlarm(Date.now() + (isComplete ? ERASE_NEXT_MS : ERASE_RETRY_MS));
  }

  /** Whether every shard answered. */
  async #erase({ owner, purge, cursors }: Erasure): Promise<boolean> {
    const open = this.#shards(owner).filter(({ name }) => cursors[name] !== null);
    const slices = await Promise.allSettled(open.map(({ name, stub }) => stub.erase(purge, cursors[name] ?? 0)));
    const reached = { ...cursors };
    slices.forEach((slice, i) => {
      const name = open[i]?.name;
      if (slice.status === 'fulfilled' && name !== undefined) reached[name] = slice.value.next;
    });
    const isDone = open.every(({ name }) => reached[name] === null);
    this.#store.erased(purge, isDone ? undefined : reached);
    return slices.every(({ status }) => status === 'fulfilled');
  }

  #shards(owner: CacheOwnerId): { readonly name: string; readonly stub: DurableObjectStub<EmbeddingCacheObject> }[] {
    const namespace = this.env.EMBEDDING_CACHE;
    const stubOf = (name: string) => namespace.get(namespace.idFromName(`${owner}:${name}`));
    return shardsOf(cacheLayoutOf(this.env)).map(({ name }) => ({ name, stub: stubOf(name) }));
  }
}
