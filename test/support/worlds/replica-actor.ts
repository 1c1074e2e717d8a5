import { FollowerStore } from '../../../src/ann/store/follower-store.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { EngineResources } from '../../../src/ann/shard/engine-resources.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { KeptReplica, PrimaryState, ReplicaPeers } from '../../../src/index/replicas/index-replicas.ts';
import { Replica } from '../../../src/ann/replication/replica.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Actor, ObjectNetwork } from './object-network.ts';
import { Unreachable } from './object-network.ts';
import { servedFields } from './served-fields.ts';
import { whole } from './whole-read.ts';

/** The read load of a world's shards. */
export interface Heat {
  /** The load of reads of the shard that a replica could answer, in objects kept busy. */
  of(shard: number): number;
}

const actorOf = ({ shard, replica }: Pick<KeptReplica, 'shard' | 'replica'>): string => `replica:${shard}:${replica}`;

/** The replicas of a world, as called by the index's object. */
export function replicaPeers(world: ObjectNetwork, index: Actor, indexId: IndexId, shape: object, heat: Heat): ReplicaPeers {
  const ask = async <T>(callee: string, method: string, ...args: unknown[]): Promise<T | undefined> => {
    const answered = await world.call<T>(index, callee, method, args);
    return answered.ok ? answered.value : undefined;
  };
  const tell = async (callee: string, method: string, ...args: unknown[]): Promise<void> => {
    const told = await world.call<null>(index, callee, method, args);
    if (!told.ok) throw new Unreachable(told.error.message);
  };
  return {
    indexId,
    primary: async (shard) => {
      const lsn = await ask<number>(`shard:${shard}`, 'lsn');
      const state: PrimaryState = { load: { exclusive: 0, sharable: heat.of(shard) }, location: null, lsn: lsn ?? 0 };
      return lsn === undefined ? undefined : state;
    },
    replica: async (replica, lsnMin) => {
      const completeLsn = await ask<number>(actorOf(replica), 'state', lsnMin);
      // A primary's load already includes that of its replicas.
      return completeLsn === undefined
        ? undefined
        : { completeLsn: completeLsn < 0 ? null : completeLsn, load: { exclusive: 0, sharable: 0 } };
    },
    open: (replica) => tell(actorOf(replica), 'openCopy', { indexId, ...shape }, `shard:${replica.shard}`),
    erase: (replica) => tell(actorOf(replica), 'erase'),
  };
}

/** Starts a replica: a shard over a copy that follows the primary. */
export function startReplica(world: ObjectNetwork, actor: Actor, floor: EngineResources, forget: () => void): NonNullable<Actor['live']> {
  const name = `${actor.name}/${actor.incarnation}`;
  const store = new VectorStore(actor.sql, undefined, servedFields(floor, name));
  const engine = new ShardEngine(floor, name, store);
  const shard = new Shard(store, engine, name, new SelectionCache(1 << 16));
  const ask = (primary: string, follow: unknown) => world.call<never>(actor, primary, 'changesSince', [follow]);
  const replica = new Replica({ store, engine, state: new FollowerStore(store.storage), ask });
  const reading =
    <T extends object>(answer: (asked: never) => Outcome<T>) =>
    async (asked: never, consistency: never): Promise<Outcome<unknown>> => {
      const readable = await replica.readable(consistency, world.nowMs, asked);
      if (!readable.ok) return readable;
      const found = answer(asked);
      return found.ok ? ok({ ...found.value, lsn: readable.value }) : found;
    };
  return {
    methods: {
      openCopy: (identity: never, primary: string) => {
        shard.open(identity);
        replica.follow(primary);
        actor.alarmMs = world.nowMs;
        return ok(null);
      },
      erase: () => {
        engine.drop();
        forget();
        return ok(null);
      },
      state: async (lsnMin?: number) => {
        if (lsnMin !== undefined) await replica.readable({ kind: 'min-lsn', lsn: lsnMin }, world.nowMs);
        return ok(replica.state?.completeLsn ?? -1);
      },
      query: reading((query) => shard.query(query)),
      searchFields: reading((search) => whole(shard.searchFields(search))),
      termStatistics: reading((asked) => whole(shard.termStatistics(asked))),
    },
    alarm: async () => {
      for (let slice = 0; slice < 20 && replica.state !== undefined; slice += 1) {
        const step = await replica.step(world.nowMs);
        if (step.kind === 'gone') return forget();
        const nextMs = Math.min(step.nextMs, shard.sweep(world.nowMs) ?? Infinity);
        if (nextMs > world.nowMs) return void (actor.alarmMs = nextMs);
      }
      if (replica.state !== undefined) actor.alarmMs = world.nowMs;
    },
  };
}
