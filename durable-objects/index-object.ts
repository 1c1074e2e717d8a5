import type { GenerationCall, Generations } from '../src/ann/generations/generation-state.ts';
import type { Creation, DeletedIndex, IndexRecord } from '../src/ann/index-lifecycle.ts';
import { answerCreation, indexNotFound, isLive } from '../src/ann/index-lifecycle.ts';
import type { IndexManifest } from '../src/ann/index-manifest.ts';
import type { GrowthCall } from '../src/ann/routing/index-growth.ts';
import type { RouteTable } from '../src/ann/routing/route-table.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { LivingIndex } from './living-index.ts';

/** One index of one tenant, or the place where one may be: the authority on whether it exists, what it is and where its vectors are. */
export class IndexObject extends LivingIndex {
  /** Refuses with `already_exists`, `limit_exceeded` or `idempotency_mismatch`. The answered index is listed and takes vectors. */
  create(manifest: IndexManifest, creation: Creation): Promise<Outcome<IndexManifest>> {
    return this.turnstile.pass(async () => {
      await this.settle();
      const answer = answerCreation(this.recorded(), creation);
      if (answer !== undefined) return answer;
      const record: IndexRecord = { state: 'creating', manifest, creation };
      await this.begin(record);
      return this.finishCreation(record);
    });
  }

  /** Refuses with `index_not_found`. Whoever was refused by `staleVersion` of the routes waits a moment for the next. */
  async describe(name: string, staleVersion?: number): Promise<Outcome<IndexManifest>> {
    if (this.recorded()?.state !== 'live') await this.turnstile.pass(() => this.settle());
    if (staleVersion !== undefined) await this.routing.after(staleVersion);
    const record = this.recorded();
    return record?.state === 'live' ? ok(this.routing.described(record.manifest)) : indexNotFound(name);
  }

  /** Refuses with `index_not_found` unless the index has this id. */
  async routes(name: string, indexId: IndexId): Promise<Outcome<RouteTable>> {
    // Shards may already refuse what the table says: it changes in a moment.
    if (this.routing.isChanging) await this.turnstile.pass(() => this.settle()).catch(() => undefined);
    const record = this.recorded();
    return isLive(record, indexId) ? ok(this.routing.of(record.manifest)) : indexNotFound(name);
  }

  /** For the shards of the index. Refuses with `index_not_found`, or with `state_conflict` what cannot be done now. */
  grow(indexId: IndexId, call: GrowthCall): Promise<Outcome<{ readonly version: number }>> {
    return this.turnstile.pass(async () => {
      const record = this.recorded();
      if (!isLive(record, indexId)) return indexNotFound(indexId);
      if (call.kind === 'spread' && this.beside.shadow !== undefined) return refuse('state_conflict', 'another generation is being filled');
      // Whatever is begun is taken up by the alarm if it is cut off.
      await this.armSoon();
      return this.routing.grow(record.manifest, call);
    });
  }

  /** For its shards: one that is busy is looked at from now on. */
  async watch(indexId: IndexId, shard: number): Promise<void> {
    await this.turnstile.pass(async () => {
      const record = this.recorded();
      if (!isLive(record, indexId)) return;
      this.routing.watch(record.manifest, shard);
      await this.armSoon();
    });
  }

  /** Refuses with `index_not_found`. Once answered, nothing of the index is left. */
  remove(name: string): Promise<Outcome<DeletedIndex>> {
    return this.turnstile.pass(async () => {
      if (this.recorded()?.state === 'creating') await this.settle();
      const record = this.recorded();
      if (record === undefined) return indexNotFound(name);
      await this.begin({ ...record, state: 'deleting' });
      const { id, vectors, bytes, shards, locators = [], replicas = [] } = await this.finishDeletion(record);
      return ok({ id, vectors, bytes, objects: shards.length + locators.length + replicas.length + 1 });
    });
  }

  /** Refuses with `index_not_found`, or as the call says. */
  generations(name: string, call: GenerationCall): Promise<Outcome<Generations>> {
    return this.turnstile.pass(async () => {
      const record = this.recorded();
      if (record?.state !== 'live') return indexNotFound(name);
      if (call.kind === 'begin' && this.routing.isSpread) return refuse('state_conflict', 'an index of many shards keeps its generation');
      return this.beside.answer(record, call);
    });
  }

  /** Whether anything of those generations is still here. */
  holds(indexIds: readonly IndexId[]): boolean {
    const held = [this.recorded()?.manifest.id, this.beside.shadow?.id];
    return held.some((id) => id !== undefined && indexIds.includes(id));
  }
}
