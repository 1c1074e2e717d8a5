import type { Addressed } from '../../../../src/ann/access-mode.ts';
import { indexObjectName, locatorName, shardName } from '../../../../src/index/index-manifest.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { RegionPage, RoutingSummary } from '../../../../src/index/routing/routing-summary.ts';
import type { ShardStats } from '../../../../src/ann/shard-protocol.ts';
import type { AnswerOf, RequestOf, ShardMethods, ShardRead, ShardWrite } from '../../../../src/ann/shard-operations.ts';
import { callRead, callWrite } from '../../../../src/ann/shard-operations.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { Authority, WriteLease } from '../../../../src/contract/tenancy/write-lease.ts';
import { underAuthority } from '../../../../src/contract/tenancy/write-lease.ts';
import type { LocatorAt, LocatorCalls, ShardCalls, WriteAt } from '../../../../src/index/shards/shard-calls.ts';
import type { GatewayEnv } from '../../env.ts';
import { ask } from '../api/ask.ts';
import type { Remote } from '../../../../src/kernel/remote.ts';
import type { IndexObject } from '../../../../durable-objects/index-object.ts';
import type { LocatorObject } from '../../../../durable-objects/locator-object.ts';
import type { ShardObject } from '../../../../durable-objects/shard-object.ts';

/** What the objects do. */
type ShardStub = ShardMethods & Remote<Pick<ShardObject, 'lsn' | 'stats'>>;
type LocatorStub = Remote<Pick<LocatorObject, 'write' | 'removeIds' | 'clear' | 'claim' | 'find' | 'counts'>>;
type IndexStub = Remote<Pick<IndexObject, 'routingSummary' | 'regions'>>;

const addressed = ({ manifest, caller }: LocatorAt): Addressed => ({ indexId: manifest.id, caller });

const INDEX_UNREACHABLE = 'the index cannot be reached';
const UNREACHABLE = 'a shard of the index cannot be reached';
const UNSURE = 'the write may not have been applied: repeat it';
const UNSURE_IN_PART = 'the write may be applied in part, now or later: repeat it';

/** The objects of an index behind their Durable Objects. */
export class DurableShards implements ShardCalls {
  readonly #env: Pick<GatewayEnv, 'INDEX' | 'LOCATOR' | 'SHARD'>;

  constructor(env: Pick<GatewayEnv, 'INDEX' | 'LOCATOR' | 'SHARD'>) {
    this.#env = env;
  }

  read<Name extends ShardRead>(manifest: IndexManifest, ordinal: number, name: Name, request: RequestOf<Name>): AnswerOf<Name> {
    return ask(UNREACHABLE, () => callRead(this.#shard(manifest, ordinal), name, request));
  }

  write<Name extends ShardWrite>(
    manifest: IndexManifest,
    name: Name,
    request: RequestOf<Name>,
    authority: Authority | null,
  ): AnswerOf<Name> {
    return underAuthority(authority, (lease) => ask(UNSURE, () => callWrite(this.#shard(manifest, 0), name, request, lease)));
  }

  lsn(manifest: IndexManifest): Promise<Outcome<number>> {
    return ask(UNREACHABLE, () => this.#shard(manifest, 0).lsn({ indexId: manifest.id }));
  }

  stats(manifest: IndexManifest, ordinal: number): Promise<Outcome<ShardStats>> {
    return ask(UNREACHABLE, () => this.#shard(manifest, ordinal).stats({ indexId: manifest.id }));
  }

  routingSummary(manifest: IndexManifest, known: number): Promise<Outcome<RoutingSummary>> {
    return ask(INDEX_UNREACHABLE, () => this.#index(manifest).routingSummary(manifest.name, manifest.id, known));
  }

  regions(manifest: IndexManifest, group: number, since: number): Promise<Outcome<RegionPage>> {
    return ask(INDEX_UNREACHABLE, () => this.#index(manifest).regions(manifest.name, manifest.id, group, since));
  }

  readonly locators: LocatorCalls = {
    write: (at, write) => this.#commit(at, (locator, lease) => locator.write(addressed(at), write, lease)),
    remove: (at, removal) => this.#commit(at, (locator, lease) => locator.removeIds(addressed(at), removal, lease)),
    clear: (at, lsnSeen) => this.#commit(at, (locator, lease) => locator.clear(addressed(at), lsnSeen, lease)),
    claim: (at, repetition) => this.#commit(at, (locator, lease) => locator.claim(addressed(at), repetition, lease)),
    find: (at, keys) => ask(UNREACHABLE, () => this.#locator(at).find(addressed(at), keys)),
    counts: (at) => ask(UNREACHABLE, () => this.#locator(at).counts(addressed(at))),
  };

  #commit<T>(at: WriteAt, write: (locator: LocatorStub, lease: WriteLease | undefined) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return underAuthority(at.authority, (lease) => ask(UNSURE_IN_PART, () => write(this.#locator(at), lease)));
  }

  #index({ tenantId, name }: IndexManifest): IndexStub {
    return this.#env.INDEX.getByName(indexObjectName(tenantId, name));
  }

  #shard(manifest: IndexManifest, ordinal: number): ShardStub {
    return this.#env.SHARD.getByName(shardName(manifest, ordinal));
  }

  #locator({ manifest, locator }: LocatorAt): LocatorStub {
    return this.#env.LOCATOR.getByName(locatorName(manifest, locator));
  }
}
