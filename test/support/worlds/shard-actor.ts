import { SqliteRowVersions } from '../../../src/index/resharding/sqlite-row-versions.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { EngineResources } from '../../../src/ann/shard/engine-resources.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import { tellChanges } from '../../../src/ann/replication/changes.ts';
import { ShardResharding } from '../../../src/index/resharding/shard-resharding.ts';
import type { DrainOrder, ShardRoute } from '../../../src/index/routing/shard-route.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { must } from '../../../src/kernel/assert.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Actor, ObjectNetwork } from './object-network.ts';
import { MemoryCell } from './object-network.ts';
import { servedFields } from './served-fields.ts';
import { whole } from './whole-read.ts';

/** Starts a shard, with every method that its index and other objects call. */
export function startShard(world: ObjectNetwork, actor: Actor, floor: EngineResources, forget: () => void): NonNullable<Actor['live']> {
  const name = `${actor.name}/${actor.incarnation}`;
  const store = new VectorStore(actor.sql, undefined, servedFields(floor, name));
  const engine = new ShardEngine(floor, name, store);
  const shard = new Shard(store, engine, actor.name, new SelectionCache(1 << 16));
  const route = new MemoryCell<ShardRoute>(actor, 'route');
  const index = <T>(method: string, ...args: unknown[]) => world.call<T>(actor, 'index', method, args);
  const locator = <T>(to: number, method: string, ...args: unknown[]) => world.call<T>(actor, `locator:${to}`, method, args);
  const order = new MemoryCell<DrainOrder>(actor, 'order');
  const versions = new SqliteRowVersions(actor.sql);
  const growth = new ShardResharding(
    { shard, store, versions, route, order },
    {
      move: (to, moves) => locator(to, 'move', moves),
      depart: (to, departures) => locator(to, 'depart', departures),
      adopt: (to, ...told) => locator(to, 'adopt', ...told),
      put: (to, rows) => world.call(actor, `shard:${to}`, 'putRows', [rows]),
      lacking: (to, keys) => world.call(actor, `shard:${to}`, 'lackingRows', [keys]),
      around: (ordinal) => index('around', ordinal),
      spread: () => index('spread'),
      exported: () => index('exported'),
      split: (request) => index('split', request),
      share: ({ ordinal, since }) => index('share', { ordinal, since }),
      merge: ({ ordinal, since }) => index('merge', { ordinal, since }),
      drained: (drained) => index('drained', drained),
    },
  );
  const { rows } = growth;
  const wake = (delayMs: number) => (actor.alarmMs = Math.min(actor.alarmMs ?? Infinity, world.nowMs + delayMs));
  const written = <T>(outcome: Outcome<T>): Outcome<T> => {
    if (outcome.ok && (shard.isSweepDue() || growth.isDue())) wake(shard.sweepDelayMs(world.nowMs));
    return outcome;
  };
  const reading = <T>(call: object, work: () => Outcome<T>): Outcome<T> => {
    const allowed = rows.checkRead(call);
    return allowed.ok ? work() : allowed;
  };
  const writing = <T>(call: object, work: () => Outcome<T>): Outcome<T> => {
    const allowed = rows.checkWrite(call);
    return allowed.ok ? written(work()) : allowed;
  };
  return {
    methods: {
      open: (identity: never, joined: never) => {
        shard.open(identity);
        growth.join(joined);
        return ok(null);
      },
      erase: () => {
        shard.close(must(store.header(), 'a shard that is erased is open').indexId);
        forget();
        return ok(null);
      },
      export: (locators: number) => {
        growth.export(locators);
        wake(0);
        return ok(null);
      },
      drain: (told: never) => {
        growth.drain(told);
        wake(0);
        return ok(store.header()?.lsn ?? 0);
      },
      raise: (lsn: number) => ok((store.raiseLsn(lsn), null)),
      lsn: () => ok(store.header()?.lsn ?? 0),
      changesSince: (follow: never) => tellChanges(store, follow, world.nowMs, route.get()?.since),
      upsert: (batch: never) => writing(batch, () => shard.upsert(batch, world.nowMs)),
      delete: (deletion: never) => writing(deletion, () => shard.delete(deletion)),
      query: (query: never) => reading(query, () => shard.query(query)),
      searchFields: (search: never) => reading(search, () => whole(shard.searchFields(search))),
      termStatistics: (asked: never) => reading(asked, () => whole(shard.termStatistics(asked))),
      highlight: (asked: never) => reading(asked, () => whole(shard.highlight(asked))),
      fetch: (fetch: never) => reading(fetch, () => shard.fetch(fetch)),
      list: (list: never) => reading(list, () => shard.list(list)),
      count: (count: never) => reading(count, () => shard.count(count)),
      patch: (patch: never) => writing(patch, () => shard.patch(patch, world.nowMs)),
      namespaces: (page: never) => reading(page, () => shard.namespaces(page)),
      select: (select: never) => reading(select, () => shard.select(select)),
      sample: (sample: never) => reading(sample, () => shard.sample(sample)),
      stats: (of: never) => shard.stats(of),
      measureRecall: (recall: never) => shard.measureRecall(recall),
      putRows: (put: never) => written(rows.put(put, world.nowMs)),
      lackingRows: (keys: never) => rows.lacking(keys),
      removeRows: (removal: never) => written(rows.remove(removal, world.nowMs)),
      clearRows: (clearing: never) => written(rows.clear(clearing)),
    },
    alarm: async () => {
      for (let slice = 0; slice < INDEX_LIMITS.shardAlarmSlicesMaxCount; slice += 1) {
        const { nowMs } = world;
        const growthMs = await growth.step(nowMs);
        const sweptMs = growthMs === nowMs ? nowMs : shard.sweep(world.nowMs);
        const soonest = Math.min(growthMs ?? Infinity, sweptMs ?? Infinity);
        if (soonest === Infinity) return;
        if (soonest > world.nowMs) return void wake(soonest - world.nowMs);
      }
      wake(0);
    },
  };
}
