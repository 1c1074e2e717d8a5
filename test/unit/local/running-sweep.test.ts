import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFilesOf } from '../../../workers/local/serve.ts';
import { RunningSweep } from '../../../workers/local/running-sweep.ts';
import { ASIDE, sweepFiles } from '../../../workers/local/sweep-files.ts';

const NOW_MS = Date.UTC(2026, 10, 27);
const AGE_MIN_MS = 60_000;

let root: string;
let folder: string;
const held: number[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-running-'));
  folder = join(root, 'do/sluice-shards-ShardObject');
  mkdirSync(folder, { recursive: true });
});

afterEach(() => {
  for (const descriptor of held.splice(0)) closeSync(descriptor);
  rmSync(root, { recursive: true });
});

const pathOf = (n: number): string => join(folder, `${n.toString(16).padStart(64, '0')}.sqlite`);
/** Opens a file as the runtime does when its object is called: this process plays the runtime. */
const hold = (path: string): void => void held.push(openSync(path, 'r+'));

function age(path: string, ageMs: number): void {
  const seconds = (NOW_MS - ageMs) / 1000;
  utimesSync(path, seconds, seconds);
}

function database(n: number, ...statements: string[]): string {
  const made = new DatabaseSync(pathOf(n));
  for (const statement of ['PRAGMA journal_mode = WAL', ...statements]) made.exec(statement);
  made.close();
  age(pathOf(n), 2 * AGE_MIN_MS);
  return pathOf(n);
}

const rowsOf = (path: string): unknown => {
  const opened = new DatabaseSync(path);
  const { count } = opened.prepare('SELECT COUNT(*) AS count FROM t').get() as { count: number };
  opened.close();
  return count;
};

interface Meanwhile {
  /** Called after files were set aside and before open files are listed. */
  readonly renamed?: () => void;
  readonly settling?: () => void | Promise<void>;
}

function sweep({ renamed, settling }: Meanwhile = {}): RunningSweep {
  let looks = 0;
  return new RunningSweep({
    storeDir: root,
    openFiles: () => {
      looks += 1;
      if (looks === 2) renamed?.();
      return openFilesOf('self');
    },
    sleep: async () => settling?.(),
    nowMs: () => NOW_MS,
    ageMinMs: AGE_MIN_MS,
  });
}

const left = (): string[] => readdirSync(folder).sort();

it('[G43] empty files are removed at run time, unless the runtime has them open or they are young', async () => {
  const empty = [database(1), database(2, 'CREATE TABLE t (a)', 'DROP TABLE t'), database(3, 'CREATE TABLE _cf_KV (key TEXT)')];
  const kept = [database(4, 'CREATE TABLE t (a)'), database(5), database(6), database(7)];
  hold(pathOf(5));
  age(pathOf(6), AGE_MIN_MS - 1);
  const alarms = new DatabaseSync(join(folder, 'metadata.sqlite'));
  alarms.exec('PRAGMA journal_mode = WAL; CREATE TABLE _cf_ALARM (actor_id TEXT PRIMARY KEY, scheduled_time INTEGER)');
  alarms.prepare('INSERT INTO _cf_ALARM VALUES (?, 1)').run((7).toString(16).padStart(64, '0'));
  // The sweep does not read a journal, but sees that there is one.
  kept.push(database(8));
  writeFileSync(`${pathOf(8)}-wal`, 'frames');
  expect(await sweep().pass()).toBe(empty.length);
  alarms.close();
  expect(left().filter((file) => /^\d.*(sqlite|aside)$/.test(file))).toEqual(kept.map((path) => path.slice(folder.length + 1)));
});

it('[G43] nothing is removed if the open files cannot be listed', async () => {
  database(1);
  const unknown = new RunningSweep({
    storeDir: root,
    openFiles: () => undefined,
    sleep: async () => undefined,
    nowMs: () => NOW_MS,
    ageMinMs: AGE_MIN_MS,
  });
  expect([await unknown.pass(), left().length]).toEqual([0, 1]);
});

it.each<[string, (path: string) => Meanwhile]>([
  ['had opened it before it was set aside', (path) => ({ renamed: () => hold(path + ASIDE) })],
  ['has it open a moment later', (path) => ({ settling: () => hold(path + ASIDE) })],
  ['wrote to it and closed it in between', (path) => ({ renamed: () => age(path + ASIDE, 0) })],
  ['has a journal beside it', (path) => ({ renamed: () => writeFileSync(`${path}-wal`, 'frames') })],
])('[G43] a file gets its name back if its object %s', async (_, meanwhile) => {
  const path = database(1);
  expect(await sweep(meanwhile(path)).pass()).toBe(0);
  expect([existsSync(path), existsSync(path + ASIDE)]).toEqual([true, false]);
});

it('[G43] an object called while its old file is set aside gets a new one, which stays', async () => {
  const path = database(1);
  const settling = () => void database(1, 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)');
  expect(await sweep({ settling }).pass()).toBe(1);
  expect([left().filter((file) => file.endsWith(ASIDE)), rowsOf(path)]).toEqual([[], 1]);
});

it('[G43] files set aside by a server that died are restored at the next start', async () => {
  database(1);
  database(2, 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)');
  const died = sweep({ settling: () => Promise.reject(new Error('killed')) });
  await expect(died.pass()).rejects.toThrow('killed');
  expect(left()).toContain(`${pathOf(1)}${ASIDE}`.slice(folder.length + 1));
  // As if an object had its file open when it was set aside, and then wrote.
  writeFileSync(pathOf(3) + ASIDE, '');
  rmSync(pathOf(3) + ASIDE);
  const written = new DatabaseSync(pathOf(3) + ASIDE);
  written.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  written.close();
  expect(sweepFiles(root)).toBe(1);
  expect(left()).toEqual([pathOf(2), pathOf(3)].map((path) => path.slice(folder.length + 1)));
  expect([rowsOf(pathOf(2)), rowsOf(pathOf(3))]).toEqual([1, 1]);
});

it('[G43] a pass removes a bounded number of files, and the next one continues there', async () => {
  for (let n = 1; n <= 130; n++) {
    writeFileSync(pathOf(n), '');
    age(pathOf(n), 2 * AGE_MIN_MS);
  }
  const sweeper = sweep();
  expect([await sweeper.pass(), await sweeper.pass(), await sweeper.pass()]).toEqual([100, 30, 0]);
});
