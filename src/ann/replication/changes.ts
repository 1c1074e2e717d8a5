import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { ok } from '../../kernel/result.ts';
import type { ShardEngine } from '../shard/shard-engine.ts';
import type { RowKeys } from '../rows.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { VectorStore } from '../store/vector-store.ts';
import { placed } from '../stored-vector.ts';
import type { PlacedVector, VectorPlace } from '../stored-vector.ts';
import type { ChangePage, ChangedVectors, ShardChanges, ShardFollow } from '../store/change-log.ts';

/** What changed in a shard behind a cursor; `since` is that of its routes. Refuses with `index_not_found`. */
export function tellChanges(
  store: VectorStore,
  { indexId, after, countMax, lsnMin = 0 }: ShardFollow,
  nowMs: number,
  since = 0,
): Outcome<ShardChanges> {
  const known = store.header();
  if (known?.indexId !== indexId) return refuse('index_not_found', 'the index was deleted', 'index');
  const lsn = Math.max(known.lsn, Math.min(lsnMin, known.lsn + INDEX_LIMITS.lsnRaiseMax));
  if (known.lsn < lsn) store.raiseLsn(lsn);
  const header = { ...known, lsn };
  store.log.follow(header, nowMs);
  const page = store.log.page(after ?? store.log.start(header), countMax, header);
  if (page === undefined) return ok({ kind: 'snapshot-needed' });
  return ok({ ...page, since, isClosed: store.access().mode === 'closed' });
}

/** Applies a page to a shard that follows another one: all of it or nothing, together with what `alongside` stores. */
export function applyChanges(store: VectorStore, engine: ShardEngine, page: ChangePage, nowMs: number, alongside: () => void): void {
  const before = headerOf(store);
  // The engine can always be loaded again: letting go of it does not have to be undone.
  if (page.isCleared) engine.drop();
  const changed = store.atomically(() => {
    if (page.isCleared) store.deleteAll(headerOf(store));
    const done = { removed: remove(store, page.removed), ...put(store, page.upserted, nowMs) };
    alongside();
    return done;
  });
  engine.remove([...changed.removed, ...changed.replaced]);
  if (changed.placed.length > 0) engine.put(changed.placed, before, nowMs);
}

/** Returns where the former vectors were stored. */
function remove(store: VectorStore, { namespaces, ids }: RowKeys): VectorPlace[] {
  return [...grouped(namespaces)].flatMap(([name, members]) => {
    const namespace = store.namespaces.ordinalOf(name);
    if (namespace === undefined) return [];
    const wanted = members.map((i) => ids[i]!);
    const rows = store.rowsOf(namespace, wanted);
    if (rows.length === 0) return [];
    store.deleteRows(namespace, rows, headerOf(store));
    return rows.map((row) => ({ row, namespace }));
  });
}

function put(store: VectorStore, vectors: ChangedVectors, nowMs: number): { replaced: VectorPlace[]; placed: PlacedVector[] } {
  if (vectors.ids.length === 0) return { replaced: [], placed: [] };
  const header = headerOf(store);
  const batch = { ...vectors, indexId: header.indexId, repetition: null };
  const replaced = store.replacedBy(batch);
  const { places } = store.upsert(batch, header, replaced, nowMs);
  return { replaced, placed: [...placed(places, vectors, header.dimensions)] };
}

const headerOf = (store: VectorStore): ShardHeader => must(store.header(), 'a replica is opened before it follows');
