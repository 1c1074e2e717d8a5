import type { GenerationCall, Generations, Shadow } from '../src/index/generations/generation-state.ts';
import { isExchanging } from '../src/index/generations/generation-state.ts';
import type { Creation, DeletedIndex, IndexRecord } from '../src/index/index-lifecycle.ts';
import { answerCreation, indexNotFound, isLive } from '../src/index/index-lifecycle.ts';
import type { IndexManifest } from '../src/index/index-manifest.ts';
import type { GrowthCall } from '../src/index/resharding/index-resharding.ts';
import type { RegionPage, RoutingSummary } from '../src/index/routing/routing-summary.ts';
import { regionPage } from '../src/index/routing/routing-summary.ts';
import type { RouteTable } from '../src/index/routing/route-table.ts';
import { tableAround } from '../src/index/routing/shard-neighbours.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { underLease } from '../src/contract/tenancy/write-lease.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { IndexRoutes } from './index-routes.ts';
import type { Served } from './object-namespace.ts';
import type { IndexReshardingStub } from './resharding-stubs.ts';
import { StoredIndex } from './stored-index.ts';

/** One index name of one tenant: the authority on whether an index of that name exists, what it is and which objects hold its vectors. */
export class IndexObject extends StoredIndex implements Served<IndexReshardingStub> {
  /** Refuses with `already_exists`, `limit_exceeded` or `idempotency_mismatch`. The answered index is listed and takes vectors. */
  create(manifest: IndexManifest, creation: Creation, lease?: WriteLease): Promise<Outcome<IndexManifest>> {
    return this.turnstile.pass(async () => {
      await this.settle();
      const answer = answerCreation(this.recorded(), creation);
      if (answer !== undefined) return answer;
      const leased = underLease(lease, Date.now());
      if (!leased.ok) return leased;
      const record: IndexRecord = { state: 'creating', manifest, creation };
      await this.begin(record);
      return this.finishCreation(record);
    });
  }

  /** Refuses with `index_not_found`. A caller that was refused for `staleVersion` of the routes waits a moment for the next. */
  async describe(name: string, staleVersion?: number): Promise<Outcome<IndexManifest>> {
    if (this.recorded()?.state !== 'live') await this.turnstile.pass(() => this.settle());
    const stale = this.recorded();
    if (staleVersion !== undefined && stale?.state === 'live') await this.routesOf(stale.manifest).after(staleVersion);
    const record = this.recorded();
    return record?.state === 'live' ? ok(this.described(record.manifest)) : indexNotFound(name);
  }

  /** Refuses with `index_not_found` unless one of the generations has this id. */
  async routingSummary(name: string, indexId: IndexId, known: number): Promise<Outcome<RoutingSummary>> {
    // Shards may already refuse by the next table: it is published in a moment.
    if (this.#routesAt(indexId)?.isChanging === true) await this.turnstile.pass(() => this.settle()).catch(() => undefined);
    const routes = this.#routesAt(indexId);
    return routes === undefined ? indexNotFound(name) : ok(routes.routingSummary(known));
  }

  /** Refuses with `index_not_found` as `summary` does, or with `stale_route`. */
  regions(name: string, indexId: IndexId, group: number, since: number): Outcome<RegionPage> {
    const routes = this.#routesAt(indexId);
    return routes === undefined ? indexNotFound(name) : regionPage(routes.table, group, since);
  }

  /** For the shard. Refuses with `index_not_found`. */
  around(name: string, indexId: IndexId, ordinal: number): Outcome<RouteTable> {
    const routes = this.#routesAt(indexId);
    return routes === undefined ? indexNotFound(name) : ok(tableAround(routes.table, ordinal));
  }

  /** For the shards of the index. Refuses with `index_not_found`, or with `state_conflict` what cannot be done now. */
  grow(indexId: IndexId, call: GrowthCall): Promise<Outcome<{ readonly version: number }>> {
    return this.turnstile.pass(async () => {
      const routes = this.#routesAt(indexId);
      if (routes === undefined) return indexNotFound(indexId);
      const { shadow } = this.beside;
      if (shadow !== undefined && mustWait(shadow, call)) return refuse('state_conflict', 'finish or cancel the other generation first');
      // The alarm resumes whatever is interrupted.
      await this.armSoon();
      return routes.grow(call);
    });
  }

  /** For its shards: one that is busy is looked at from now on. */
  async watch(indexId: IndexId, shard: number): Promise<void> {
    await this.turnstile.pass(async () => {
      const record = this.recorded();
      if (!isLive(record, indexId)) return;
      this.routesOf(record.manifest).watch(shard);
      await this.armSoon();
    });
  }

  /** Refuses with `index_not_found`. Once answered, nothing of the index is left. */
  remove(name: string, lease?: WriteLease): Promise<Outcome<DeletedIndex>> {
    return this.turnstile.pass(async () => {
      if (this.recorded()?.state === 'creating') await this.settle();
      const record = this.recorded();
      if (record === undefined) return indexNotFound(name);
      const leased = underLease(lease, Date.now());
      if (!leased.ok) return leased;
      await this.begin({ ...record, state: 'deleting' });
      const deleted = await this.finishDeletion(record);
      if (!deleted.ok) return deleted;
      const { id, vectors, bytes, shards, locators = [], replicas = [], lost = [] } = deleted.value;
      return ok({ id, vectors, bytes, objects: shards.length + locators.length + replicas.length + 1, lost: lost.length });
    });
  }

  /** Refuses with `index_not_found`, or as the call does. */
  generations(name: string, call: GenerationCall, lease?: WriteLease): Promise<Outcome<Generations>> {
    return this.turnstile.pass(async () => {
      const record = this.recorded();
      if (record?.state !== 'live') return indexNotFound(name);
      const leased = underLease(lease, Date.now());
      if (!leased.ok) return leased;
      const isExchange = call.kind === 'change' && call.event.kind === 'activation';
      if (isExchange && !(await this.#isAtRest())) return refuse('unavailable', 'the index is being resharded; retry');
      const answer = await this.beside.answer(record, call);
      return answer.ok ? ok(this.#described(answer.value)) : answer;
    });
  }

  /** Whether anything of those generations is left in storage. */
  holds(indexIds: readonly IndexId[]): boolean {
    const held = [this.recorded()?.manifest.id, this.beside.shadow?.manifest.id];
    return held.some((id) => id !== undefined && indexIds.includes(id));
  }

  /** The routes of the generation of that id. */
  #routesAt(indexId: IndexId): IndexRoutes | undefined {
    const manifest = this.manifests().find(({ id }) => id === indexId);
    return manifest === undefined ? undefined : this.routesOf(manifest);
  }

  /** Whether no generation is about to consist of other objects. */
  async #isAtRest(): Promise<boolean> {
    const all = this.manifests().map((manifest) => this.routesOf(manifest));
    for (const routes of all) if (routes.isChanging) await routes.settle();
    return all.every(({ isSpreading, isChanging }) => !isSpreading && !isChanging);
  }

  #described({ serving, shadow, ...rest }: Generations): Generations {
    const described = (manifest: IndexManifest) => this.routesOf(manifest).described;
    return { ...rest, serving: described(serving), shadow: shadow === null ? null : { ...shadow, manifest: described(shadow.manifest) } };
  }
}

/**
 * During the exchange of two generations, neither gets or loses objects. A shard that is given up takes its log with it, which followers
 * have to read first: so shards are given up when there is no follower.
 */
const mustWait = (shadow: Shadow, { kind }: GrowthCall): boolean => kind === 'merge' || (kind !== 'drained' && isExchanging(shadow));
