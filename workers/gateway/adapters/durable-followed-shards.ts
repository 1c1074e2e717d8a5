import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { Gate } from '../../../src/ann/generations/gate.ts';
import { followerId } from '../../../src/ann/generations/gate.ts';
import type { FeedCursor } from '../../../src/ann/generations/generation-state.ts';
import type { IndexManifest } from '../../../src/ann/index-manifest.ts';
import { shardName } from '../../../src/ann/index-manifest.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../../../src/ann/replication/change-page.ts';
import type { ShardStats } from '../../../src/ann/shard-protocol.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { FeedPage, FollowedShards } from '../../../src/gateway/generations/change-feed.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { ask } from './ask.ts';

/** What the object does. */
interface ShardStub {
  followedFrom(indexId: IndexId, lsnMin: number): Promise<Outcome<ChangeCursor>>;
  changesSince(follow: ShardFollow): Promise<Outcome<ShardChanges>>;
  setGate(indexId: IndexId, gate: Gate, run: number): Promise<Outcome<null>>;
  stats(indexId: IndexId): Promise<Outcome<ShardStats>>;
}

const UNREACHABLE = 'the shard of the index cannot be reached';

/** The shard that an index begins with. */
const FIRST = 0;

/** The shards of an index for a follower, behind their Durable Objects. */
export class DurableFollowedShards implements FollowedShards {
  readonly #namespace: DurableObjectNamespace<ShardObject>;

  constructor(namespace: DurableObjectNamespace<ShardObject>) {
    this.#namespace = namespace;
  }

  async begin(manifest: IndexManifest, after: FeedCursor | null): Promise<Outcome<FeedCursor>> {
    const lsnMin = Math.max(0, ...Object.values(after ?? {}).map(({ lsn }) => lsn));
    const cursor = await ask(UNREACHABLE, () => this.#of(manifest).followedFrom(manifest.id, lsnMin));
    return cursor.ok ? ok({ [FIRST]: cursor.value }) : cursor;
  }

  async changes(manifest: IndexManifest, cursor: FeedCursor): Promise<Outcome<FeedPage | null>> {
    const after = must(cursor[FIRST], 'a cursor knows the first shard');
    const follow = { indexId: manifest.id, after, countMax: LIMITS.changePageMaxCount };
    const answer = await ask(UNREACHABLE, () => this.#of(manifest).changesSince(follow));
    if (!answer.ok) return answer;
    const page = answer.value;
    if (page.kind === 'snapshot-needed') return ok(null);
    const { isCleared, removed, upserted, next, isComplete } = page;
    const changed = { namespaces: [...removed.namespaces, ...upserted.namespaces], ids: [...removed.ids, ...upserted.ids] };
    return ok({ isCleared, changed, next: { [FIRST]: next }, isComplete });
  }

  async count(manifest: IndexManifest, run: number): Promise<Outcome<number>> {
    const stats = await ask(UNREACHABLE, () => this.#of(manifest).stats(followerId(manifest.id, run)));
    return stats.ok ? ok(stats.value.count) : stats;
  }

  setGate(manifest: IndexManifest, gate: Gate, run: number): Promise<Outcome<null>> {
    return ask(UNREACHABLE, () => this.#of(manifest).setGate(manifest.id, gate, run));
  }

  #of(manifest: IndexManifest): ShardStub {
    return this.#namespace.getByName(shardName(manifest));
  }
}
