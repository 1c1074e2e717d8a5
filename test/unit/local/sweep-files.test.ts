import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { sweepFiles } from '../../../workers/local/sweep-files.ts';

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-sweep-'));
  folder = join(root, 'do/sluice-objects-IndexObject');
  mkdirSync(folder, { recursive: true });
});

afterEach(() => rmSync(root, { recursive: true }));

const idOf = (n: number): string => n.toString(16).padStart(64, '0');

function database(name: string, ...statements: string[]): void {
  const made = new DatabaseSync(join(folder, name));
  for (const statement of ['PRAGMA journal_mode = WAL', ...statements]) made.exec(statement);
  made.close();
}

it('[G43] files of objects that store nothing are removed, and no others', () => {
  database('metadata.sqlite', 'CREATE TABLE _cf_ALARM (actor_id TEXT PRIMARY KEY, scheduled_time INTEGER)');
  const alarms = new DatabaseSync(join(folder, 'metadata.sqlite'));
  alarms.prepare('INSERT INTO _cf_ALARM VALUES (?, 1)').run(idOf(5));
  alarms.close();
  database(`${idOf(1)}.sqlite`);
  database(`${idOf(2)}.sqlite`, 'CREATE TABLE t (a)', 'DROP TABLE t');
  database(`${idOf(3)}.sqlite`, 'CREATE TABLE _cf_KV (key TEXT)');
  database(`${idOf(4)}.sqlite`, 'CREATE TABLE _cf_KV (key TEXT)', "INSERT INTO _cf_KV VALUES ('index')");
  database(`${idOf(5)}.sqlite`);
  database(`${idOf(6)}.sqlite`, 'CREATE TABLE rows (a)');
  database(`${idOf(7)}.sqlite`, 'CREATE TABLE rows (a)', 'INSERT INTO rows VALUES (1)');
  truncateSync(join(folder, `${idOf(7)}.sqlite`), 5_000);
  writeFileSync(join(folder, `${idOf(8)}.sqlite`), 'not a database'.repeat(100));
  writeFileSync(join(folder, `${idOf(9)}.sqlite`), '');
  database('other.sqlite');
  mkdirSync(join(root, 'r2'));
  expect(sweepFiles(root)).toBe(4);
  const left = readdirSync(folder).filter((file) => file.endsWith('.sqlite'));
  expect(left.sort()).toEqual([...[4, 5, 6, 7, 8].map((n) => `${idOf(n)}.sqlite`), 'metadata.sqlite', 'other.sqlite']);
  expect(sweepFiles(join(root, 'nothing'))).toBe(0);
});

it('[G43] a file with data only in its journal is kept', () => {
  const open = new DatabaseSync(join(folder, `${idOf(1)}.sqlite`));
  open.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  // Left open, as when its process was killed: the row is only in the journal.
  expect(sweepFiles(root)).toBe(0);
  open.close();
});
