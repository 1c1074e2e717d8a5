import { DurableObject } from 'cloudflare:workers';

import type { GenerationCall, Generations } from '../src/ann/generations/generation-state.ts';
import type { Erasure } from '../src/ann/erasure.ts';
import type { Creation, DeletedIndex, IndexRecord } from '../src/ann/index-lifecycle.ts';
import { answerCreation, indexNotFound } from '../src/ann/index-lifecycle.ts';
import type { IndexManifest } from '../src/ann/index-manifest.ts';
import { shardName } from '../src/ann/index-manifest.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { RECALL_TARGET_DEFAULT } from '../src/contract/recall-target.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { Turnstile } from '../src/kernel/turnstile.ts';
import type { ObjectsEnv } from './env.ts';
import { IndexErasure } from './index-erasure.ts';
import { IndexGenerations } from './index-generations.ts';

/**
 * One index of one tenant, or the place where one may be: the authority on whether it exists and what it is.
 *
 * Creating and deleting take several objects. What is under way is recorded, with an alarm, before the first step, and every step
 * may be repeated; so whoever comes next, a caller or the alarm, takes up what was cut off and finishes it.
 */
export class IndexObject extends DurableObject<ObjectsEnv> {
  // One creation or deletion at a time: their steps await other objects, during which other calls run.
  readonly #turnstile = new Turnstile();
  readonly #generations = new IndexGenerations(this.ctx.storage, this.env);

  /** Refuses with `already_exists`, `limit_exceeded` or `idempotency_mismatch`. The answered index is listed and takes vectors. */
  create(manifest: IndexManifest, creation: Creation): Promise<Outcome<IndexManifest>> {
    return this.#turnstile.pass(async () => {
      await this.#settle();
      const answer = answerCreation(this.#record(), creation);
      if (answer !== undefined) return answer;
      const record: IndexRecord = { state: 'creating', manifest, creation };
      await this.#begin(record);
      return this.#finishCreation(record);
    });
  }

  /** Refuses with `index_not_found`. */
  async describe(name: string): Promise<Outcome<IndexManifest>> {
    if (this.#record()?.state !== 'live') await this.#turnstile.pass(() => this.#settle());
    const record = this.#record();
    return record?.state === 'live' ? ok(record.manifest) : indexNotFound(name);
  }

  /** Refuses with `index_not_found`. Once answered, nothing of the index is left. */
  remove(name: string): Promise<Outcome<DeletedIndex>> {
    return this.#turnstile.pass(async () => {
      if (this.#record()?.state === 'creating') await this.#settle();
      const record = this.#record();
      if (record === undefined) return indexNotFound(name);
      await this.#begin({ ...record, state: 'deleting' });
      const { id, vectors, bytes, shards } = await this.#finishDeletion(record);
      return ok({ id, vectors, bytes, objects: shards.length + 1 });
    });
  }

  /** Refuses with `index_not_found`, or as the call says. */
  generations(name: string, call: GenerationCall): Promise<Outcome<Generations>> {
    return this.#turnstile.pass(async () => {
      const record = this.#record();
      return record?.state === 'live' ? this.#generations.answer(record, call) : indexNotFound(name);
    });
  }

  /** Whether anything of those generations is still here. */
  holds(indexIds: readonly IndexId[]): boolean {
    const held = [this.#record()?.manifest.id, this.#generations.shadow?.id];
    return held.some((id) => id !== undefined && indexIds.includes(id));
  }

  override async alarm(): Promise<void> {
    // Armed again first: a platform that gives up on a failing alarm must not strand what is under way.
    await this.#arm();
    await this.#turnstile.pass(() => this.#settle());
  }

  #record(): IndexRecord | undefined {
    return this.ctx.storage.kv.get<IndexRecord>('index');
  }

  /** Both writes are one: nothing is awaited in between. */
  #begin(record: IndexRecord): Promise<void> {
    this.ctx.storage.kv.put('index', record);
    return this.#arm();
  }

  #arm(): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now() + LIMITS.indexLifecycleRetryMs);
  }

  /** Finishes what is under way, if anything is. */
  async #settle(): Promise<void> {
    const record = this.#record();
    if (record?.state === 'creating') await this.#finishCreation(record);
    else if (record?.state === 'deleting') await this.#finishDeletion(record);
    else await this.ctx.storage.deleteAlarm();
  }

  async #finishCreation(record: IndexRecord): Promise<Outcome<IndexManifest>> {
    const { manifest, creation } = record;
    const registry = this.env.REGISTRY.getByName(manifest.tenantId);
    const reserved = await registry.reserve(manifest, creation.idempotencyKey);
    if (!reserved.ok) {
      await this.#forget();
      return reserved;
    }
    const { id: indexId, dimensions, metric, recall = RECALL_TARGET_DEFAULT } = manifest;
    await this.#shard(manifest).open({ indexId, dimensions, metric, recall });
    await registry.confirm(manifest.name, manifest.id);
    this.ctx.storage.kv.put('index', { ...record, state: 'live' } satisfies IndexRecord);
    await this.ctx.storage.deleteAlarm();
    return ok(manifest);
  }

  /** Counted before the first step, so that a deletion that was cut off tells all the same what it erased. */
  async #finishDeletion(record: IndexRecord): Promise<Erasure> {
    const { manifest } = record;
    const parts = new IndexErasure(this.env, manifest, this.#generations.shadow);
    const erasure = record.erasure ?? (await parts.count(Date.now()));
    this.ctx.storage.kv.put('index', { ...record, state: 'deleting', erasure } satisfies IndexRecord);
    const registry = this.env.REGISTRY.getByName(manifest.tenantId);
    await registry.release(manifest.name, manifest.id);
    await registry.keepErasure(erasure);
    await parts.erase();
    await this.#forget();
    return erasure;
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  #shard(manifest: IndexManifest) {
    return this.env.SHARD.getByName(shardName(manifest));
  }
}
