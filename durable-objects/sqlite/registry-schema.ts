import type { Migrations } from '../../src/kernel/sql/migrate.ts';
import { SPENT_KEY_TABLE } from './spent-keys.ts';

/** The tables of a tenant's registry. */
export const REGISTRY_SCHEMA: Migrations = [
  `CREATE TABLE indexes (
     name TEXT PRIMARY KEY, index_id TEXT NOT NULL, manifest TEXT NOT NULL, listed INTEGER NOT NULL,
     idempotency_key TEXT UNIQUE);`,
  `CREATE TABLE aliases (alias TEXT PRIMARY KEY, index_name TEXT NOT NULL);
   CREATE INDEX aliases_by_index ON aliases (index_name);`,
  SPENT_KEY_TABLE,
];
