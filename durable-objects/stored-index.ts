import { DurableObject } from 'cloudflare:workers';
import type { Erasure } from '../src/index/erasure.ts';
import type { AnnotationChange, IndexAnnotations } from '../src/index/index-annotations.ts';
import { annotated, NO_ANNOTATIONS } from '../src/index/index-annotations.ts';
import type { IndexRecord } from '../src/index/index-lifecycle.ts';
import { indexLost, indexNotFound, madeBy } from '../src/index/index-lifecycle.ts';
import type { IndexManifest } from '../src/index/index-manifest.ts';
import type { StoredSearchSettings } from '../src/index/stored-settings.ts';
import { settingsFor, storedSettings } from '../src/index/stored-settings.ts';
import type { ReplicaRecord } from '../src/index/replicas/index-replicas.ts';
import type { SearchSettingsBody } from '../src/contract/indexes/search-settings.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { GroupSizes } from '../src/index/routing/shard-groups.ts';
import { GROUP_SIZES } from '../src/index/routing/shard-groups.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { underLease } from '../src/contract/tenancy/write-lease.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { Mutex } from '../src/kernel/mutex.ts';
import type { ObjectsEnv } from './env.ts';
import { IndexErasure } from './index-erasure.ts';
import { IndexGenerations } from './index-generations.ts';
import { IndexPeers } from './index-peers.ts';
import { IndexRoutes } from './index-routes.ts';
import { StoredCell } from './stored-cell.ts';

/**
 * The lifecycle of an index. Creating and deleting take several objects. The intention is recorded, with an alarm, before the first step,
 * and every step may be repeated; so the next caller or the alarm completes what was interrupted.
 */
export abstract class StoredIndex extends DurableObject<ObjectsEnv> {
  // One creation, deletion or change of routes at a time: their steps await other objects, during which other calls run.
  protected readonly turnstile = new Mutex();
  protected readonly beside = new IndexGenerations(this.ctx.storage, this.env, (manifest) => this.routesOf(manifest));
  protected readonly groupSizes: GroupSizes = GROUP_SIZES;
  readonly #replicas = new StoredCell<ReplicaRecord>(this.ctx.storage, 'replicas');
  readonly #searchSettings = new StoredCell<StoredSearchSettings>(this.ctx.storage, 'search-settings');
  readonly #routes = new Map<IndexId, IndexRoutes>();

  override async alarm(): Promise<void> {
    // Armed again first: a platform that gives up on a failing alarm must not strand what is under way.
    await this.arm();
    await this.turnstile.pass(async () => {
      await this.settle();
      const record = this.recorded();
      // While there is a shadow generation, rows stay where its follower finds them.
      if (record?.state === 'live' && this.beside.shadow === undefined) await this.#rebalance(this.routesOf(record.manifest));
      const tendMs = record?.state === 'live' ? await this.routesOf(record.manifest).tend() : undefined;
      const alarmMs = await this.ctx.storage.getAlarm();
      if (tendMs !== undefined && tendMs < (alarmMs ?? Infinity)) await this.ctx.storage.setAlarm(tendMs);
    });
  }

  /** What is declared about the index, after these changes. Refuses with `index_not_found` or `limit_exceeded`. */
  annotate(name: string, changes: readonly AnnotationChange[], lease?: WriteLease): Outcome<IndexAnnotations> {
    if (this.recorded()?.state !== 'live') return indexNotFound(name);
    const leased = underLease(lease, Date.now());
    if (!leased.ok) return leased;
    const after = annotated(this.ctx.storage.kv.get<IndexAnnotations>('annotations') ?? NO_ANNOTATIONS, changes);
    if (after.ok && changes.length > 0) this.ctx.storage.kv.put('annotations', after.value);
    return after;
  }

  /** Stores how the index is searched; null: no longer. Answers the index. Refuses with `index_not_found` or `state_conflict`. */
  tune(name: string, settings: SearchSettingsBody | null, lease?: WriteLease): Outcome<IndexManifest> {
    const record = this.recorded();
    if (record?.state !== 'live') return indexNotFound(name);
    const leased = underLease(lease, Date.now());
    if (!leased.ok) return leased;
    if (settings === null) this.#searchSettings.erase();
    else {
      const stored = storedSettings(record.manifest, settings, Date.now());
      if (!stored.ok) return stored;
      this.#searchSettings.put(stored.value);
    }
    return ok(this.described(record.manifest));
  }

  /** What is served, as callers know it. */
  protected described(manifest: IndexManifest): IndexManifest {
    const stored = this.#searchSettings.get();
    const { described } = this.routesOf(manifest);
    return stored === undefined ? described : { ...described, searchSettings: settingsFor(manifest, stored) };
  }

  protected recorded(): IndexRecord | undefined {
    return this.ctx.storage.kv.get<IndexRecord>('index');
  }

  /** The routes of one of the generations. */
  protected routesOf(manifest: IndexManifest): IndexRoutes {
    const known = this.#routes.get(manifest.id);
    if (known !== undefined) return known;
    const isServing = () => this.recorded()?.manifest.id === manifest.id;
    const beside = () => ({
      mode: isServing() ? ('open' as const) : ('closed' as const),
      isFollowed: isServing() && this.beside.shadow !== undefined,
    });
    const { groupSizes } = this;
    const parts = {
      storage: this.ctx.storage,
      env: this.env,
      manifest,
      role: { isServing, beside },
      replicas: this.#replicas,
      groupSizes,
    };
    const routes = new IndexRoutes(parts);
    this.#routes.set(manifest.id, routes);
    return routes;
  }

  /** The manifests of a live index: that of the serving generation first. */
  protected manifests(): IndexManifest[] {
    const record = this.recorded();
    const shadow = this.beside.shadow?.manifest;
    return record?.state !== 'live' ? [] : [record.manifest, ...(shadow === undefined ? [] : [shadow])];
  }

  protected begin(record: IndexRecord): Promise<void> {
    // Both writes are one: nothing is awaited in between.
    this.ctx.storage.kv.put('index', record);
    return this.arm();
  }

  protected arm(): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now() + INDEX_LIMITS.indexLifecycleRetryMs);
  }

  /** The same, but that an alarm that comes sooner stays. */
  protected async armSoon(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + INDEX_LIMITS.replicaTendMs);
  }

  /** Finishes what is under way, if anything is. */
  protected async settle(): Promise<void> {
    const record = this.recorded();
    if (record?.state === 'creating') await this.finishCreation(record);
    else if (record?.state === 'deleting') await this.finishDeletion(record);
    else if (!(await this.#settleRoutes())) await this.#rest();
  }

  /** Until shards are to be rebalanced, if any are. */
  async #rest(): Promise<void> {
    const record = this.recorded();
    const isTidied = record?.state === 'live' && this.beside.shadow === undefined;
    const rebalancingMs = isTidied ? this.routesOf(record.manifest).rebalancingMs : undefined;
    await (rebalancingMs === undefined
      ? this.ctx.storage.deleteAlarm()
      : this.ctx.storage.setAlarm(Math.max(rebalancingMs, Date.now() + INDEX_LIMITS.tidyRetryMs)));
  }

  async #rebalance(routes: IndexRoutes): Promise<void> {
    if ((routes.rebalancingMs ?? Infinity) > Date.now()) return;
    await this.arm();
    await routes.rebalance();
  }

  async #settleRoutes(): Promise<boolean> {
    let isMoving = false;
    for (const manifest of this.manifests()) isMoving = (await this.routesOf(manifest).settle()) || isMoving;
    return isMoving;
  }

  protected async finishCreation(record: IndexRecord): Promise<Outcome<IndexManifest>> {
    const { manifest } = record;
    const registry = this.env.REGISTRY.getByName(manifest.tenantId);
    const reserved = await registry.reserve(manifest, record.creation.idempotencyKey, record.creation.bodyDigest);
    if (!reserved.ok) {
      // While a registry is lost it is not known whether it gave the name: once it is back, the alarm continues. [T91]
      if (reserved.error.code === 'unavailable') return reserved;
      await this.#forget();
      return reserved.error.code === 'state_conflict' ? indexLost(manifest.name) : reserved;
    }
    await new IndexPeers(this.env, manifest).openShard(0, 0, 0);
    const confirmed = await registry.confirm(manifest.name, manifest.id);
    if (!confirmed.ok) return confirmed;
    this.ctx.storage.kv.put('index', { ...record, state: 'live' } satisfies IndexRecord);
    await this.ctx.storage.deleteAlarm();
    return ok(manifest);
  }

  /** Counted before the first step, so that an interrupted deletion also reports what it erased. */
  protected async finishDeletion(record: IndexRecord): Promise<Outcome<Erasure>> {
    const { manifest } = record;
    const partsOf = (generation: IndexManifest, isOpening: boolean) => {
      const { objects, isAlone } = this.routesOf(generation);
      return { manifest: generation, objects, isAlone, isOpening };
    };
    const { shadow } = this.beside;
    const others = shadow === undefined ? [] : [partsOf(shadow.manifest, shadow.phase === 'opening')];
    const parts = new IndexErasure(this.env, [partsOf(manifest, false), ...others], this.#replicas.get()?.replicas ?? []);
    const erasure = record.erasure ?? (await parts.count(Date.now()));
    this.ctx.storage.kv.put('index', { ...record, state: 'deleting', erasure } satisfies IndexRecord);
    const registry = this.env.REGISTRY.getByName(manifest.tenantId);
    const withdrawn = await registry.withdraw(manifest.name, manifest.id);
    const kept = withdrawn.ok ? await registry.keepErasure(erasure) : withdrawn;
    if (!kept.ok) return kept;
    await parts.erase();
    // Last: while the name is taken, a call for this index comes here and finishes the deletion.
    const released = await registry.release(manifest.name, manifest.id, madeBy(record));
    if (!released.ok) return released;
    await this.#forget();
    return ok(erasure);
  }

  async #forget(): Promise<void> {
    this.#routes.clear();
    this.#replicas.forget();
    this.#searchSettings.forget();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }
}
