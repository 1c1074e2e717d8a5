import type { HeldWeights, NodeWeights } from '../contract/pools/pool-exchange.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { AgentId } from './agent-lease.ts';

/** Agents say which weights they hold, and are asked to forget some. Null: not said since they registered, or since an attempt ended. */
export const WEIGHT_COLUMNS = `
  ALTER TABLE agents ADD COLUMN weights TEXT;
  ALTER TABLE agents ADD COLUMN weights_due INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE agents ADD COLUMN unloads TEXT NOT NULL DEFAULT '{}';
  CREATE INDEX agents_by_weights ON agents (id) WHERE weights_due = 1;`;

/** What the agents of a pool hold of models, as they said last, and what they have yet to forget. */
export class SqliteAgentWeights {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /**
   * Takes note of what an agent holds; the scheduler is to learn of it if it is another than it said last. What it was asked to forget, and does
   * not hold any more or works with, is done with.
   */
  said(id: AgentId, weights: readonly NodeWeights[]): void {
    const held = JSON.stringify(weights);
    this.#sql.exec('UPDATE agents SET weights = ?1, weights_due = 1 WHERE id = ?2 AND weights IS NOT ?1', held, id);
    const idle = new Set(weights.flatMap(({ model, inUse = false }) => (inUse ? [] : [model])));
    this.#dropUnloads(id, (model) => !idle.has(model));
  }

  /** An attempt of the agent has ended: what it says next counts, though it says the same. */
  mayDiffer(id: AgentId): void {
    this.#sql.exec('UPDATE agents SET weights = NULL, weights_due = 0 WHERE id = ? AND weights IS NOT NULL', id);
  }

  /** At most `count` agents of whose weights the scheduler is to learn. */
  due(count: number): readonly HeldWeights[] {
    return this.#sql
      .exec<{ id: string; weights: string }>('SELECT id, weights FROM agents WHERE weights_due = 1 ORDER BY id LIMIT ?', count)
      .toArray()
      .map(({ id, weights }) => ({ nodeId: id, weights: JSON.parse(weights) as NodeWeights[] }));
  }

  /** The scheduler has taken note; an agent that has said something else meanwhile is due again. */
  reported(held: readonly HeldWeights[]): void {
    for (const { nodeId, weights } of held)
      this.#sql.exec('UPDATE agents SET weights_due = 0 WHERE id = ? AND weights = ?', nodeId, JSON.stringify(weights));
  }

  /** The agent has to forget the weights of a model. */
  unload(id: AgentId, model: string): void {
    const unloads = this.#unloadsOf(id);
    if (!Object.hasOwn(unloads, model)) this.#saveUnloads(id, { ...unloads, [model]: false });
  }

  /** An attempt that works with the model comes: it stays. */
  keep(id: AgentId, model: string): void {
    this.#dropUnloads(id, (one) => one === model);
  }

  /** Whether the agent has to forget something that it was not answered yet. */
  hasNewUnload(id: AgentId): boolean {
    return Object.values(this.#unloadsOf(id)).includes(false);
  }

  /** What the agent has yet to forget. It is answered again until the agent says what it holds; `canSay`: whether it does. */
  takeUnloads(id: AgentId, canSay: boolean): readonly string[] {
    const models = Object.keys(this.#unloadsOf(id));
    if (models.length > 0) this.#saveUnloads(id, canSay ? Object.fromEntries(models.map((model) => [model, true])) : {});
    return models;
  }

  #dropUnloads(id: AgentId, isDone: (model: string) => boolean): void {
    const unloads = Object.entries(this.#unloadsOf(id));
    const left = unloads.filter(([model]) => !isDone(model));
    if (left.length < unloads.length) this.#saveUnloads(id, Object.fromEntries(left));
  }

  /** By model, whether the agent was answered so. */
  #unloadsOf(id: AgentId): Readonly<Record<string, boolean>> {
    const row = this.#sql.exec<{ unloads: string }>('SELECT unloads FROM agents WHERE id = ?', id).toArray()[0];
    return row === undefined ? {} : (JSON.parse(row.unloads) as Record<string, boolean>);
  }

  #saveUnloads(id: AgentId, unloads: Readonly<Record<string, boolean>>): void {
    this.#sql.exec('UPDATE agents SET unloads = ? WHERE id = ?', JSON.stringify(unloads), id);
  }
}
