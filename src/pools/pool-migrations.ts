import type { Migrations } from '../kernel/sql/migrate.ts';
import { WEIGHT_COLUMNS } from './sqlite-agent-weights.ts';

/** The tables of a partition of a pool. */
export const POOL_MIGRATIONS: Migrations = [
  `CREATE TABLE pool (id TEXT PRIMARY KEY, token_mac TEXT NOT NULL);
   CREATE TABLE agents (id TEXT PRIMARY KEY, name TEXT NOT NULL, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX agents_by_seen ON agents (seen_at_ms);
   CREATE TABLE leases (
     attempt_id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, lease_until_ms INTEGER NOT NULL, lost INTEGER NOT NULL,
     synced_at_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE INDEX leases_by_agent ON leases (agent_id);
   CREATE INDEX leases_by_end ON leases (lost, lease_until_ms);
   CREATE INDEX leases_by_sync ON leases (synced_at_ms);`,
  // Agents that ask for work are nodes of the scheduler.
  `ALTER TABLE agents ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE agents ADD COLUMN present_until_ms INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX agents_by_presence ON agents (joined, present_until_ms);
   CREATE TABLE sync (joined_count INTEGER NOT NULL, carried_out INTEGER NOT NULL);
   INSERT INTO sync VALUES (0, 0);`,
  // Agents describe themselves and may hold several attempts. An agent is present while it asks for work or holds an attempt.
  `ALTER TABLE agents ADD COLUMN body TEXT;
   ALTER TABLE agents ADD COLUMN asking_until_ms INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE agents ADD COLUMN holds_several INTEGER NOT NULL DEFAULT 0;
   UPDATE agents SET asking_until_ms = present_until_ms;`,
  // A token that was replaced is accepted for a while.
  `CREATE TABLE former_token (mac TEXT NOT NULL, until_ms INTEGER NOT NULL);`,
  // Nodes come and go as the scheduler asks.
  `ALTER TABLE sync ADD COLUMN coming INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE agents ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;`,
  // What each rotation said, so that a repetition is known from a rotation anew.
  `CREATE TABLE rotations (mac TEXT PRIMARY KEY, grace_ms INTEGER NOT NULL, former_until_ms INTEGER NOT NULL) WITHOUT ROWID;`,
  // When the scheduler is next to learn of an attempt (P30); null while no agent has confirmed it. Of those that there are it learns at once.
  `ALTER TABLE leases ADD COLUMN report_due_ms INTEGER;
   UPDATE leases SET report_due_ms = 0 WHERE lost = 1 OR body ->> '$.progress' IS NOT NULL;
   DROP INDEX leases_by_sync;
   CREATE INDEX leases_by_report ON leases (report_due_ms) WHERE report_due_ms IS NOT NULL;
   ALTER TABLE leases DROP COLUMN synced_at_ms;`,
  // A pool of many agents has several objects. This one is the root of its pool, and alone, until it opens others.
  `ALTER TABLE pool ADD COLUMN partition INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE pool ADD COLUMN partition_count INTEGER NOT NULL DEFAULT 1;`,
  WEIGHT_COLUMNS,
  // What an agent holds is found by the agent: by its state alone, every call of an agent read all that its pool holds.
  `DROP INDEX leases_by_agent;
   CREATE INDEX leases_by_agent ON leases (agent_id, lost, lease_until_ms);`,
  // Attempts that wait for their agents are counted; and an object knows how late its alarm is. Agents were answered those that there are.
  `ALTER TABLE leases ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX leases_that_wait ON leases (waits) WHERE waits = 1;
   ALTER TABLE sync ADD COLUMN alarm_at_ms INTEGER NOT NULL DEFAULT 0;`,
];
