import type { Residue } from '../src/index/erasure.ts';
import type { Addressed, AccessMode } from '../src/ann/access-mode.ts';
import { hasCallersKey } from '../src/ann/receipts.ts';
import type { KeyedReceipt, ReceiptPage } from '../src/ann/receipts.ts';
import type { BuildPlan, SamplePart } from '../src/ann/maintenance/outside-build.ts';
import type { BuildCall } from '../src/ann/shard/shard.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../src/ann/store/change-log.ts';
import type { ReadConsistency } from '../src/ann/replication/read-consistency.ts';
import { searchTimeMs } from '../src/ann/search-cost.ts';
import { tellChanges } from '../src/ann/replication/changes.ts';
import type { Repetition, ShardMatches, ShardQuery, ShardStats } from '../src/ann/shard-protocol.ts';
import type { AnswerOf, ReadEngine, RequestOf, ShardMethods, ShardRead, ShardWrite } from '../src/ann/shard-operations.ts';
import type { SteppedEngine, WriteEngine } from '../src/ann/shard-operations.ts';
import { isStepped, READ_METHODS, WRITE_METHODS } from '../src/ann/shard-operations.ts';
import { searchInTurns } from '../src/ann/search-in-turns.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Served } from './object-namespace.ts';
import { ReshardingShard } from './resharding-shard.ts';
import type { ShardStub } from './resharding-stubs.ts';
import { RESOURCES } from './shard-resources.ts';
import { residueOf } from './stored-cell.ts';

/** Those methods that `ShardObject` does not define itself: its static block makes them of the map of operations. */
type Operations = Served<Omit<ShardMethods, 'query'>>;

const WithOperations = ReshardingShard as unknown as abstract new (
  ...args: ConstructorParameters<typeof ReshardingShard>
) => ReshardingShard & Operations;

/** The vectors of an index, or of one of its regions, behind `Shard`. Gateways write directly only to an only shard. */
export class ShardObject extends WithOperations implements Served<ShardStub & ShardMethods> {
  static {
    // On the prototype: RPC calls nothing else.
    const define = (method: string, value: (this: ShardObject, request: never, lease?: WriteLease) => unknown) => {
      if (!(method in this.prototype)) Object.defineProperty(this.prototype, method, { value });
    };
    for (const name of Object.keys(READ_METHODS) as ShardRead[]) {
      define(READ_METHODS[name], function read(request) {
        return isStepped(name) ? this.#readInSteps(name, request) : this.#read(name, request);
      });
    }
    for (const name of Object.keys(WRITE_METHODS) as ShardWrite[]) {
      define(WRITE_METHODS[name], function write(request, lease) {
        return this.#write(name, request, lease);
      });
    }
  }

  setAccess(indexId: IndexId, mode: AccessMode, fencingToken: number): Outcome<null> {
    return this.shard.access.set(indexId, mode, fencingToken);
  }

  /** From now on changes are kept for a follower, which begins here. */
  followedFrom(indexId: IndexId, lsnMin: number): Outcome<ChangeCursor> {
    return this.shard.access.followedFrom(indexId, lsnMin, Date.now());
  }

  /** For followers: what is known of requests. */
  receiptsBehind(indexId: IndexId, after: number): Outcome<ReceiptPage> {
    return this.shard.access.receiptsBehind(indexId, after);
  }

  /** Called by a follower, while this is the only shard. */
  adoptReceipts(call: Addressed, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>> {
    return this.writing({}, undefined, () => this.shard.access.adoptReceipts(call, receipts), true);
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  /** Served strongly whatever is asked for: the consistency only shows whether a replica could have answered as well. */
  async query(query: ShardQuery, consistency?: ReadConsistency): Promise<Outcome<ShardMatches>> {
    const outcome = await this.reading(
      query,
      () => this.#search(query, consistency),
      () => searchTimeMs(this.shard.lastCost),
    );
    // What was left undone when this object was evicted is taken up with its first query.
    if (!this.shard.isMaintained) await this.arm();
    return outcome;
  }

  /** Several searches of one caller. */
  queryAll(queries: readonly ShardQuery[], consistency?: ReadConsistency): Promise<Outcome<ShardMatches>[]> {
    return searchInTurns(
      queries,
      () => Date.now(),
      (query) => this.query(query, consistency),
    );
  }

  /** The LSN of the last write: it does not wait for reads, as it takes none of their time. */
  lsn(call: Addressed): Outcome<number> {
    return this.readingNow({}, () => {
      const passed = this.shard.access.pass(call);
      return passed.ok ? ok(passed.value.lsn) : passed;
    });
  }

  /** For followers, such as replicas. */
  changesSince(follow: ShardFollow): Outcome<ShardChanges> {
    return tellChanges(this.store, follow, Date.now(), this.since);
  }

  /** See `OutsideBuilds`. */
  beginBuild(call: BuildCall): Outcome<BuildPlan> {
    return this.shard.beginBuild(call, Date.now());
  }

  readBuild(call: BuildCall & { readonly from: number }): Outcome<SamplePart> {
    return this.shard.readBuild(call, Date.now());
  }

  async commitBuild(call: BuildCall & { readonly artefact: Uint8Array }): Promise<Outcome<null>> {
    const taken = this.shard.commitBuild(call);
    await this.arm();
    return taken;
  }

  stats(call: Addressed): Outcome<ShardStats> {
    return this.shard.stats(call);
  }

  #read<Name extends keyof ReadEngine>(name: Name, request: RequestOf<Name>): AnswerOf<Name> {
    return this.reading(request, () => (this.shard as ReadEngine)[name](request));
  }

  #readInSteps<Name extends keyof SteppedEngine>(name: Name, request: RequestOf<Name>): AnswerOf<Name> {
    return this.readingInSteps(request, () => (this.shard as SteppedEngine)[name](request));
  }

  /** In the name of a key: refused with `lease_expired` once its lease has ended. */
  #write<Name extends ShardWrite>(name: Name, request: RequestOf<Name>, lease?: WriteLease): AnswerOf<Name> {
    const engine: WriteEngine = this.shard;
    const { repetition = null }: Addressed & { readonly repetition?: Repetition | null } = request;
    return this.writing(request, lease, () => engine[name](request, Date.now()), hasCallersKey(repetition));
  }

  #search(query: ShardQuery, consistency: ReadConsistency | undefined): Outcome<ShardMatches> {
    RESOURCES.pace.searched(Date.now());
    const outcome = this.shard.query(query);
    const reported = outcome.ok ? this.pulse.read(searchTimeMs(this.shard.lastCost), consistency, query.near, query.indexId) : undefined;
    if (reported !== undefined) this.ctx.waitUntil(reported);
    return outcome;
  }
}
