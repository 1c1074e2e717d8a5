import { DurableObject } from 'cloudflare:workers';

import type { Residue } from '../src/index/erasure.ts';
import { ShardEngine } from '../src/ann/shard/shard-engine.ts';
import { LoadMeter } from '../src/index/replicas/load-meter.ts';
import type { ReadConsistency } from '../src/ann/replication/read-consistency.ts';
import { Replica } from '../src/ann/replication/replica.ts';
import { searchTimeMs } from '../src/ann/search-cost.ts';
import { searchInTurns } from '../src/ann/search-in-turns.ts';
import { ReadableShard } from '../src/ann/shard/readable-shard.ts';
import type { AnswerOf, RequestOf } from '../src/ann/shard-operations.ts';
import type { Read, ShardIdentity, ShardMatches, ShardQuery } from '../src/ann/shard-protocol.ts';
import { heldBytes } from '../src/ann/shard-protocol.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Served } from './object-namespace.ts';
import { reach } from './platform-fault.ts';
import { residueOf } from './stored-cell.ts';
import type { ReplicaState, ReplicaStub, ReshardingEnv } from './resharding-stubs.ts';
import { RESOURCES, inBackground, readQueue, SELECTIONS, fieldsOver } from './shard-resources.ts';
import type { Ask } from './wide-filters.ts';
import { answeredInSteps, readInSteps } from './wide-filters.ts';
import { FollowerStore } from '../src/ann/store/follower-store.ts';
import { VectorStore } from '../src/ann/store/vector-store.ts';

/** Reads from the shard. */
type Reading<T> = (answer: Ask) => Outcome<T> | Promise<Outcome<T>>;

/** A copy of a shard that follows it and answers reads, as `Replica` describes. Opened and erased by the index's own object; it accepts no writes. */
export class ReplicaObject extends DurableObject<Pick<ReshardingEnv, 'SHARD'>> implements Served<ReplicaStub> {
  readonly #name = this.ctx.id.toString();
  readonly #store = new VectorStore(this.ctx.storage, undefined, fieldsOver(this.#name));
  readonly #engine = new ShardEngine(RESOURCES, this.#name, this.#store);
  readonly #shard = new ReadableShard(this.#store, this.#engine, this.#name, SELECTIONS);
  readonly #meter = new LoadMeter();
  readonly #turns = readQueue();
  readonly #replica = new Replica({
    store: this.#store,
    engine: this.#engine,
    state: new FollowerStore(this.#store.storage),
    ask: (primary, follow) => reach(() => this.env.SHARD.getByName(primary).changesSince(follow), 'the primary cannot be reached'),
  });

  /** Begins to copy the shard of that object name. Repeating it changes nothing. */
  async open(identity: ShardIdentity, primary: string): Promise<void> {
    this.#shard.open(identity);
    this.#replica.follow(primary);
    await this.ctx.storage.setAlarm(Date.now());
  }

  async erase(indexId: IndexId): Promise<void> {
    this.#shard.close(indexId);
    await this.#forget();
  }

  /** Asks its primary first if it lacks what has that LSN or a lower one. */
  async state(lsnMin?: number): Promise<ReplicaState> {
    if (lsnMin !== undefined) await this.#replica.readable({ kind: 'min-lsn', lsn: lsnMin }, Date.now());
    return { completeLsn: this.#replica.state?.completeLsn ?? null, load: this.#meter.load(Date.now()) };
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  /** Refused with `unavailable` when it lacks what the read asks for. */
  async query(query: ShardQuery, consistency: ReadConsistency): Promise<Outcome<ShardMatches>> {
    const search = () => {
      const found = this.#shard.query(query);
      const nowMs = Date.now();
      RESOURCES.pace.searched(nowMs);
      this.#meter.record('sharable', searchTimeMs(this.#shard.lastCost), nowMs);
      return found;
    };
    const estimateMs = () => searchTimeMs(this.#shard.lastCost);
    return this.#reading(query, consistency, (answer) => answer(search), estimateMs);
  }

  /** Several searches of one caller. */
  queryAll(queries: readonly ShardQuery[], consistency: ReadConsistency): Promise<Outcome<ShardMatches>[]> {
    return searchInTurns(
      queries,
      () => Date.now(),
      (query) => this.query(query, consistency),
    );
  }

  fetchVectors(fetch: RequestOf<'fetch'>, consistency: ReadConsistency): AnswerOf<'fetch'> {
    return this.#sharable(fetch, consistency, (answer) => answer(() => this.#shard.fetch(fetch)));
  }

  searchFields(search: RequestOf<'searchFields'>, consistency: ReadConsistency): AnswerOf<'searchFields'> {
    return this.#sharable(search, consistency, (answer) => readInSteps(answer, () => this.#shard.searchFields(search), search.budgetMs));
  }

  termStatistics(asked: RequestOf<'termStatistics'>, consistency: ReadConsistency): AnswerOf<'termStatistics'> {
    return this.#sharable(asked, consistency, (answer) => readInSteps(answer, () => this.#shard.termStatistics(asked), asked.budgetMs));
  }

  /** Follows the primary and keeps its own lists up, slice by slice with calls in between. */
  override async alarm(): Promise<void> {
    const nextMs = await inBackground(async (nowMs) => {
      // Erased while it waited.
      if (this.#replica.state === undefined) return undefined;
      const step = await this.#replica.step(nowMs);
      if (step.kind === 'step') return Math.min(step.nextMs, this.#shard.sweep(nowMs) ?? Infinity);
      await this.#forget();
      return undefined;
    });
    if (nextMs !== undefined) await this.ctx.storage.setAlarm(nextMs);
  }

  /** A read that counts as load, of which little is computing. */
  #sharable<T extends { readonly lsn: number }>(call: Read, consistency: ReadConsistency, read: Reading<T>): Promise<Outcome<T>> {
    this.#meter.record('sharable', 0, Date.now());
    return this.#reading(call, consistency, read);
  }

  /** What a call reads once it is its turn, if this replica has what it asks for then, and still at the end. */
  async #reading<T extends { readonly lsn: number }>(
    call: Read,
    consistency: ReadConsistency,
    read: Reading<T>,
    estimateMs?: () => number,
  ): Promise<Outcome<T>> {
    const readable = () => this.#replica.readable(consistency, Date.now(), call);
    // What may have to be asked of the primary is waited for before.
    const atFirst = consistency.kind === 'min-lsn' ? await readable() : ok(null);
    if (!atFirst.ok) return atFirst;
    return answeredInSteps<T>(this.#shard, (answer) =>
      this.#turns.read({ budgetMs: call.budgetMs, bytes: heldBytes(call), estimateMs }, async () => {
        const before = await readable();
        if (!before.ok) return before;
        const found = await read(answer);
        // It may have begun to copy its shard anew, or learned that rows went to another one.
        const after = await readable();
        if (!after.ok) return after;
        return found.ok ? ok({ ...found.value, lsn: before.value }) : found;
      }),
    );
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    const erased = this.ctx.storage.deleteAll();
    this.#shard.forget();
    await erased;
  }
}
