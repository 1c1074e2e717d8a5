import { POOL_LIMITS } from '../../contract/pools/pool-limits.ts';
import type { PoolNode } from '../../contract/pools/pool-exchange.ts';
import type { PoolId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';

/** What operators want of a node. */
export type NodeOrder = 'cordon' | 'drain';

/** A node that its pool has reported, and what operators want of it; null: that it takes work. */
export interface KnownNode {
  readonly node: PoolNode;
  readonly order: NodeOrder | null;
  /** When it will be taken away; null where nothing says so. */
  readonly terminatesAtMs: number | null;
}

export const NODE_TABLE = `
  CREATE TABLE pool_nodes (
    node_id TEXT PRIMARY KEY, pool_id TEXT NOT NULL, seen_at_ms INTEGER NOT NULL, node_order TEXT, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX pool_nodes_by_pool ON pool_nodes (pool_id, node_id);
  CREATE INDEX pool_nodes_by_seen ON pool_nodes (seen_at_ms);`;

/** Whether a node fell silent when it was last there. */
export const NODE_FALLS = 'ALTER TABLE pool_nodes ADD COLUMN has_fallen INTEGER NOT NULL DEFAULT 0;';

/** When a node will be taken away. */
export const NODE_ENDS = 'ALTER TABLE pool_nodes ADD COLUMN terminates_at_ms INTEGER;';

/** How often a node that comes and goes is written down again. */
const SEEN_EVERY_MS = POOL_LIMITS.nodeForgottenMs / 10;

/** Nodes as their pools describe them, and the orders of operators, which outlast their coming and going. */
export class SqliteNodeRegistry {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Takes note of nodes that were lost while they held attempts. */
  fell(nodeIds: readonly string[]): void {
    if (nodeIds.length === 0) return;
    const query = 'UPDATE pool_nodes SET has_fallen = 1 WHERE node_id IN (SELECT value FROM json_each(?))';
    this.#sql.exec(query, JSON.stringify(nodeIds));
  }

  /** Takes note of nodes that come, and answers which of them shall take no work, and which fell silent when they were last there. */
  arrive(
    poolId: PoolId,
    nodes: readonly PoolNode[],
    nowMs: number,
  ): { readonly closed: readonly string[]; readonly doubted: readonly string[] } {
    if (nodes.length === 0) return { closed: [], doubted: [] };
    const rows = JSON.stringify(nodes.map((node) => ({ id: node.id, body: JSON.stringify(node) })));
    // One that was seen lately is not written again: agents come and go with each attempt.
    this.#sql.exec(
      `INSERT INTO pool_nodes (node_id, pool_id, seen_at_ms, body) SELECT value ->> '$.id', ?1, ?2, value ->> '$.body' FROM json_each(?3) WHERE true
       ON CONFLICT (node_id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms, body = excluded.body
       WHERE pool_nodes.seen_at_ms < ?4`,
      poolId,
      nowMs,
      rows,
      nowMs - SEEN_EVERY_MS,
    );
    const those = "node_id IN (SELECT value ->> '$.id' FROM json_each(?))";
    const named = (query: string): readonly string[] =>
      this.#sql
        .exec<{ id: string }>(query, rows)
        .toArray()
        .map(({ id }) => id);
    // A node that asks for work when it should be gone is there again, or still.
    this.#sql.exec(
      `UPDATE pool_nodes SET node_order = NULL, terminates_at_ms = NULL WHERE terminates_at_ms <= ? AND ${those}`,
      nowMs,
      rows,
    );
    return {
      closed: named(`SELECT node_id AS id FROM pool_nodes WHERE node_order IS NOT NULL AND ${those}`),
      doubted: named(`UPDATE pool_nodes SET has_fallen = 0 WHERE has_fallen = 1 AND ${those} RETURNING node_id AS id`),
    };
  }

  /** Forgets nodes that have been away for long, at most so many; `isThere` says which are not away. */
  forget(isThere: (nodeId: string) => boolean, nowMs: number, countMax: number): void {
    const query = 'SELECT node_id AS id FROM pool_nodes WHERE seen_at_ms < ? ORDER BY seen_at_ms LIMIT ?';
    for (const { id } of this.#sql.exec<{ id: string }>(query, nowMs - POOL_LIMITS.nodeForgottenMs, countMax).toArray()) {
      if (isThere(id)) this.#sql.exec('UPDATE pool_nodes SET seen_at_ms = ? WHERE node_id = ?', nowMs, id);
      else this.#sql.exec('DELETE FROM pool_nodes WHERE node_id = ?', id);
    }
  }

  find(poolId: PoolId, nodeId: string): KnownNode | undefined {
    return this.#nodes('SELECT node_order, terminates_at_ms, body FROM pool_nodes WHERE pool_id = ? AND node_id = ?', poolId, nodeId)[0];
  }

  /** At most `count` nodes of a pool whose id follows `after`, by id. */
  page(poolId: PoolId, after: string, count: number): readonly KnownNode[] {
    return this.#nodes(
      'SELECT node_order, terminates_at_ms, body FROM pool_nodes WHERE pool_id = ? AND node_id > ? ORDER BY node_id LIMIT ?',
      poolId,
      after,
      count,
    );
  }

  /** `terminatesAtMs`: where that is why. */
  order(nodeId: string, order: NodeOrder | null, terminatesAtMs: number | null = null): void {
    this.#sql.exec('UPDATE pool_nodes SET node_order = ?, terminates_at_ms = ? WHERE node_id = ?', order, terminatesAtMs, nodeId);
  }

  removePool(poolId: PoolId): void {
    this.#sql.exec('DELETE FROM pool_nodes WHERE pool_id = ?', poolId);
  }

  #nodes(query: string, ...bindings: (string | number)[]): readonly KnownNode[] {
    return this.#sql
      .exec<{ node_order: NodeOrder | null; terminates_at_ms: number | null; body: string }>(query, ...bindings)
      .toArray()
      .map(({ node_order: order, terminates_at_ms: terminatesAtMs, body }) => ({
        node: JSON.parse(body) as PoolNode,
        order,
        terminatesAtMs,
      }));
  }
}
