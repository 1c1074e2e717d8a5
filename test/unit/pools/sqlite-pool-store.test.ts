import { expect, it } from 'vitest';

import type { SqlRow, SqlStorage, SqlValue } from '../../../src/kernel/sql/sql-storage.ts';
import type { AttemptId, PoolId } from '../../../src/kernel/ids.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import { assign, ended, renewed } from '../../../src/pools/agent-lease.ts';
import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import { PLAIN_NODE, SqlitePoolStore } from '../../../src/pools/sqlite-pool-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

/** How SQLite goes about each statement that is executed. */
class ExplainedSql implements SqlStorage {
  readonly plans: string[] = [];
  readonly #inner = new NodeSql();

  readonly sql = {
    databaseSize: 0,
    exec: <Row extends SqlRow>(query: string, ...bindings: (SqlValue | ArrayBufferView)[]) => {
      const steps = /^(SELECT|UPDATE|DELETE)/.test(query)
        ? this.#inner.sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings).toArray()
        : [];
      this.plans.push(...steps.map(({ detail }) => detail));
      return this.#inner.sql.exec<Row>(query, ...bindings);
    },
  };

  transactionSync<T>(body: () => T): T {
    return this.#inner.transactionSync(body);
  }
}

it('[P117] reads what an agent holds by the agent, whatever it calls', () => {
  const storage = new ExplainedSql();
  const store = new SqlitePoolStore(storage);
  store.create({ id: 'pool_aaaaaaaaaa' as PoolId, tokenMac: '' });
  const agent = 'agt_0000000000000001' as AgentId;
  store.addAgent(agent, { name: 'one', ...PLAIN_NODE }, 1);
  storage.plans.length = 0;
  store.asks(agent, 1, 2, true);
  store.standing(agent);
  store.heldBy(agent, ['att_x_1' as AttemptId]);
  store.take({ ...assign({ attemptId: 'att_x_2' as AttemptId } as Grant, agent, 1), progress: { completed: 0, failed: 0, total: 1 } }, 1);
  store.sawAgent(agent, 1);
  store.ends(agent, 1);
  store.stopsAsking(agent);
  const ofLeases = storage.plans.filter((step) => step.includes('leases'));
  expect(ofLeases.length).toBeGreaterThan(4);
  for (const step of ofLeases) expect(step).toMatch(/SEARCH leases USING (COVERING )?INDEX leases_by_agent \(agent_id=\? AND lost=\?/);
  for (const step of storage.plans.filter((one) => / agents/.test(one))) expect(step).toContain('SEARCH agents USING PRIMARY KEY (id=?)');
});

it('[P123] reads and writes for a heartbeat, and for an end, by the ids of the attempt and its agent', () => {
  const storage = new ExplainedSql();
  const store = new SqlitePoolStore(storage);
  store.create({ id: 'pool_aaaaaaaaaa' as PoolId, tokenMac: '' });
  const agent = 'agt_0000000000000001' as AgentId;
  store.addAgent(agent, { name: 'one', ...PLAIN_NODE }, 1);
  const grant = { attemptId: 'att_x1_1' as AttemptId, jobId: 'job_x1', fence: 1 } as Grant;
  store.add(assign(grant, agent, 1));
  // Known from then on.
  store.identity();
  storage.plans.length = 0;
  store.save(renewed(store.find(grant.attemptId)!, { completed: 0, failed: 0, total: null }, undefined, 1)!);
  store.sawAgent(agent, 1);
  store.save(ended(store.find(grant.attemptId)!, { kind: 'failed', reason: 'agent_error', message: '' }));
  store.ends(agent, 1);
  expect(storage.plans.length).toBeGreaterThan(5);
  for (const step of storage.plans)
    expect(step).toMatch(/PRIMARY KEY|leases_by_agent \(agent_id=\? AND lost=\?|agents_by_weights|SCALAR SUBQUERY/);
});
