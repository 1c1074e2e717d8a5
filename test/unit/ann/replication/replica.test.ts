import { expect, it } from 'vitest';

import { FollowerStore } from '../../../../src/ann/store/follower-store.ts';
import { VectorStore } from '../../../../src/ann/store/vector-store.ts';
import { ShardEngine } from '../../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../../src/ann/filter/selection.ts';
import { Replica } from '../../../../src/ann/replication/replica.ts';
import { tellChanges } from '../../../../src/ann/replication/changes.ts';
import { Shard } from '../../../../src/ann/shard/shard.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { smallFloor, value } from '../../../support/worlds/shard-world.ts';

const indexId = 'ix_standing' as IndexId;
const EVENTUAL = { kind: 'eventual' } as const;
const UNKNOWN = refuse('index_not_found', 'the index was deleted', 'index');
const INCLUDE = { values: false, metadata: false, text: false };

/** A shard of a resharded index and its replica; `since` is the version of the shard's routes. */
function world() {
  const floor = smallFloor(1 << 22);
  const make = (name: string) => {
    const sql = new NodeSql();
    const store = new VectorStore(sql);
    const engine = new ShardEngine(floor, name, store);
    const shard = new Shard(store, engine, name, new SelectionCache(1 << 16));
    shard.open({ indexId, dimensions: 2, metric: 'l2' });
    return { sql, store, engine, shard };
  };
  const [primary, copy] = [make('primary'), make('copy')];
  const routes = { since: 0, isLost: false };
  const replica = new Replica({
    ...copy,
    state: new FollowerStore(copy.store.storage),
    ask: async (_, follow) => (routes.isLost ? UNKNOWN : tellChanges(primary.store, follow, 0, routes.since)),
  });
  replica.follow('primary');
  const write = (id: string, version: number, values = [1, 0]) =>
    value(
      primary.shard.upsert(
        {
          indexId,
          ids: [id],
          namespaces: [''],
          values: Float32Array.from(values),
          metadata: [null],
          texts: [null],
          versions: [version],
          repetition: null,
        },
        0,
      ),
    );
  return { primary, copy, routes, replica, write };
}

const at = (x: number, y: number) => ({ kind: 'values', values: Float32Array.of(x, y) }) as const;
const ASKED = { indexId, routeVersion: 1, namespace: '', filter: null, excludeIds: [], include: INCLUDE };

it('[RT11] a replica refuses old routes and callers as its shard does, once it has the changes', async () => {
  const { primary, routes, replica, write } = world();
  write('a', 1);
  expect(await replica.pull(0)).toBe('complete');
  routes.since = 4;
  primary.shard.delete({ indexId, selection: { kind: 'ids', namespace: '', ids: ['a'] } });
  // The replica still has everything that callers with the old routes may ask for.
  expect(await replica.readable(EVENTUAL, 0, { routeVersion: 3 })).toMatchObject({ ok: true });
  await replica.pull(0);
  expect(await replica.readable(EVENTUAL, 0, { routeVersion: 3 })).toMatchObject({ ok: false, error: { code: 'stale_route' } });
  expect(await replica.readable(EVENTUAL, 0, { routeVersion: 4 })).toMatchObject({ ok: true });
  primary.store.setAccess({ mode: 'closed', fencingToken: 1 });
  // Another generation serves now, and its LSNs continue from there.
  expect(await replica.readable({ kind: 'min-lsn', lsn: 20 }, 0, { routeVersion: 9 })).toMatchObject({
    ok: false,
    error: { code: 'index_moving' },
  });
});

it('[RT11] a replica returns the versions of its rows, which distinguish copies of a vector', async () => {
  const { copy, replica, write } = world();
  write('a', 7);
  write('b', 12);
  await replica.pull(0);
  expect(value(copy.shard.query({ ...ASKED, target: at(1, 0), topK: 5 }))).toMatchObject({ ids: ['a', 'b'], versions: [7, 12] });
});

it('[V33] a replica forgets what its primary removed or replaced, and finds the next closest', async () => {
  const { primary, copy, replica, write } = world();
  for (const [i, id] of ['a', 'b', 'c'].entries()) write(id, 1 + i, [1 + i, 0]);
  const closest = async () => {
    expect(await replica.pull(0)).toBe('complete');
    return value(copy.shard.query({ ...ASKED, target: at(0, 0), topK: 1 })).ids;
  };
  expect(await closest()).toEqual(['a']);
  primary.shard.delete({ indexId, selection: { kind: 'ids', namespace: '', ids: ['a'] } });
  expect(await closest()).toEqual(['b']);
  write('b', 9, [7, 0]);
  expect(await closest()).toEqual(['c']);
});

it('[G41] a replica keeps its copy, possibly the last, while its primary has no index', async () => {
  const { routes, copy, replica, write } = world();
  write('a', 1);
  expect(await replica.step(0)).toMatchObject({ kind: 'step' });
  expect(await replica.readable(EVENTUAL, 0)).toMatchObject({ ok: true });
  routes.isLost = true;
  const step = await replica.step(1_000_000);
  expect(step).toEqual({ kind: 'step', nextMs: 1_000_000 + INDEX_LIMITS.replicaRetryMs });
  expect(await replica.readable(EVENTUAL, 1_000_000)).toMatchObject({ ok: true });
  expect(copy.store.header()).toMatchObject({ indexId, count: 1 });
});
