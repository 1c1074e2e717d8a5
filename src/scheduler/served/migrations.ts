import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { carryOver } from './carry-over.ts';
import { typeOf } from './node-of.ts';
import { NODE_TABLE } from './sqlite-node-registry.ts';
import { NAMED_SETTINGS_TABLE } from './quotas/sqlite-named-settings.ts';
import { CELL_TABLES } from './sqlite-cell-store.ts';
import { GRANT_TABLE } from './sqlite-grant-store.ts';
import { JOB_HISTORY } from './sqlite-job-history.ts';
import { JOB_TAGS } from './sqlite-job-index.ts';
import { RICHER_JOBS, widenRequests } from './wider-requests.ts';

/** Nodes are on record as their pools describe them; of those that were there before, no more is known than that they are. */
function nodesOnRecord({ sql }: SqlStorage): void {
  sql.exec(NODE_TABLE);
  sql.exec('CREATE TABLE removed_pools (id TEXT PRIMARY KEY) WITHOUT ROWID');
  sql.exec(`INSERT INTO pool_nodes SELECT body ->> '$.spec.id', body ->> '$.spec.poolId', 0, NULL,
    json_object('id', body ->> '$.spec.id', 'name', body ->> '$.spec.id', 'capacity', NULL, 'attemptsMax', 1, 'domains', json('{}'),
      'ordinal', 0, 'address', NULL, 'weights', json('[]'))
    FROM cell_records WHERE kind = 'nodes'`);
}

/** Until then a type that only the template of a pool named was not known. [J113] */
function typesOfTemplates({ sql }: SqlStorage): void {
  const query = "SELECT DISTINCT body ->> '$.settings.elasticity.template.accelerator' AS name FROM pools";
  for (const { name } of sql.exec<{ name: string | null }>(query).toArray())
    if (name !== null)
      sql.exec("INSERT INTO cell_records VALUES ('accelerators', ?, ?) ON CONFLICT DO NOTHING", name, JSON.stringify(typeOf(name)));
}

/** The tables of a scheduler cell. The first two steps are of a queue that granted work by priority and knew no engine. */
export const JOB_MIGRATIONS: Migrations = [
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     organisation_id TEXT NOT NULL, tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, owner TEXT NOT NULL,
     state TEXT NOT NULL, priority INTEGER NOT NULL, sequence INTEGER NOT NULL UNIQUE, lease_until_ms INTEGER,
     body TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX queue ON jobs (priority DESC, sequence) WHERE state = 'pending';
   CREATE INDEX leases ON jobs (lease_until_ms) WHERE lease_until_ms IS NOT NULL;
   CREATE INDEX jobs_by_tenant ON jobs (tenant_id, sequence DESC);
   CREATE TABLE open_jobs (tenant_id TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE outbox (id TEXT PRIMARY KEY, organisation_id TEXT NOT NULL, due_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE INDEX outbox_by_due ON outbox (due_ms);
   CREATE TABLE pools (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;`,
  // Failed items were counted as completed ones, too.
  `CREATE INDEX jobs_by_state ON jobs (tenant_id, state, sequence DESC);
   UPDATE jobs SET body = json_set(body, '$.progress.completed', body ->> '$.progress.completed' - body ->> '$.progress.failed')
   WHERE body ->> '$.progress.failed' > 0;`,
  // Jobs are decided on by the engine.
  `DROP INDEX queue; DROP INDEX leases; ${CELL_TABLES}`,
  carryOver,
  'CREATE TABLE erased_tenants (tenant_id TEXT PRIMARY KEY) WITHOUT ROWID;',
  widenRequests,
  nodesOnRecord,
  // Attempts are paid in advance; those that run already are charged afterwards, up to their end.
  `${GRANT_TABLE}
   UPDATE cell_records SET body = json_set(body, '$.attempt.funds', NULL) WHERE kind = 'jobs' AND body ->> '$.attempt' IS NOT NULL;`,
  `${RICHER_JOBS} ${JOB_TAGS} ${JOB_HISTORY}`,
  // Some jobs are batches; none was before.
  `UPDATE jobs SET body = json_insert(body, '$.batch', NULL, '$.countedAtMs', NULL, '$.doneAtMs', NULL, '$.cancelAskedAtMs', NULL);`,
  // A pool that was changed is still the one that its first request made.
  `ALTER TABLE pools ADD COLUMN asked TEXT; UPDATE pools SET asked = body;`,
  // Until then a tenant had one queue, below the root.
  NAMED_SETTINGS_TABLE,
  typesOfTemplates,
];
