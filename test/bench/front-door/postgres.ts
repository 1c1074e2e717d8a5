import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { assert } from '../../../src/kernel/assert.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import type { Wire } from '../load.ts';
import { startServer } from './child-server.ts';
import type { ChildServer } from './child-server.ts';

const SETTINGS = [
  'shared_buffers=1GB',
  'fsync=off',
  'synchronous_commit=off',
  'max_wal_size=8GB',
  'jit=off',
  'autovacuum=off',
  'log_min_messages=fatal',
];
/** For sessions that make an index. */
export const BUILD_SETTINGS = "SET maintenance_work_mem='2GB';\nSET max_parallel_maintenance_workers=2;\n";
const STATEMENT = 'search';

/** A cluster of its own, with the user `bench`. */
export interface PostgresServer extends ChildServer {
  readonly port: number;
  readonly psql: string;
}

/** PostgreSQL with pgvector, as packaged by Debian; undefined if they are not installed. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const folder = await folderWithExtension();
  if (folder === undefined) {
    console.log('PostgreSQL is left out: install it with pgvector, as by the package postgresql-17-pgvector');
    return undefined;
  }
  const user = userNamed('postgres');
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-postgres-'));
  await chmod(dataDir, 0o700);
  if (user.uid !== undefined && user.gid !== undefined) await chown(dataDir, user.uid, user.gid);
  const made = spawnSync(join(folder, 'initdb'), ['-D', dataDir, '-U', 'bench', '-A', 'trust'], { stdio: 'ignore', ...user });
  assert(made.status === 0, 'initdb makes a cluster');
  const port = await freePort();
  const options = SETTINGS.flatMap((setting) => ['-c', setting]);
  const args = ['-D', dataDir, '-p', String(port), '-h', '127.0.0.1', '-k', dataDir, ...options];
  const server = await startServer(join(folder, 'postgres'), args, port, user);
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { port, psql: join(folder, 'psql'), cpuS: server.cpuS, stop };
}

/** The folder of the PostgreSQL version that has the extension. */
async function folderWithExtension(): Promise<string | undefined> {
  const [control] = await Array.fromAsync(glob('/usr/share/postgresql/*/extension/vector.control'));
  const version = control === undefined ? undefined : dirname(dirname(control)).split('/').at(-1);
  return version === undefined ? undefined : `/usr/lib/postgresql/${version}/bin`;
}

function userNamed(name: string): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout);
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** Runs what is sent; stops the server where that fails. */
export async function inSql(
  { psql, port, stop }: PostgresServer,
  script: (send: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const child = spawn(psql, ['-q', '-h', '127.0.0.1', '-p', String(port), '-U', 'bench', '-v', 'ON_ERROR_STOP=1', 'postgres'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  await script(async (text) => {
    if (!child.stdin.write(text)) await once(child.stdin, 'drain');
  });
  child.stdin.end();
  const [status] = (await exited) as [number | null];
  if (status === 0) return;
  await stop();
  throw new Error(`psql ended with ${status}`);
}

/** A statement that each connection prepares once, after its settings; parameters and answers are binary: PostgreSQL's protocol 3.0. */
export function preparedWire(port: number, settings: string, sql: string): Wire {
  const startup = message('', int32(196_608), text('user'), text('bench'), text('database'), text('postgres'), Buffer.of(0));
  const prepare = Buffer.concat([message('P', text(STATEMENT), text(sql), int16(0)), message('S')]);
  return {
    port,
    opening: [startup, message('Q', text(settings)), prepare],
    endOf: endOfAnswer,
    isFine: (answer) => messagesOf(answer).every(({ type }) => type !== 'E'),
  };
}

/** Executes it. */
export function execution(...parameters: readonly Buffer[]): Buffer {
  const values = parameters.flatMap((value) => [int32(value.length), value]);
  const [binary, count] = [int16(1), int16(parameters.length)];
  const bind = message('B', text(''), text(STATEMENT), binary, int16(1), count, ...values, binary, int16(1));
  return Buffer.concat([bind, message('E', text(''), int32(0)), message('S')]);
}

/** The numbers in the only column of an answer, each an `int`. */
export const intsIn = (answer: Buffer): number[] =>
  messagesOf(answer)
    .filter(({ type }) => type === 'D')
    // The number of columns, the length of the first (4), and the number.
    .map(({ body }) => body.readInt32BE(6));

/** A parameter of the type `vector`. */
export function vectorParameter(vector: Float32Array): Buffer {
  const value = Buffer.alloc(4 + 4 * vector.length);
  value.writeInt16BE(vector.length, 0);
  vector.forEach((component, at) => value.writeFloatBE(component, 4 + 4 * at));
  return value;
}

/** An answer ends with the message `ReadyForQuery`. */
function endOfAnswer(bytes: Buffer): number | undefined {
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) return undefined;
    if (bytes[at] === 0x5a) return end;
    at = end;
  }
  return undefined;
}

function messagesOf(bytes: Buffer): { readonly type: string; readonly body: Buffer }[] {
  const messages = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    messages.push({ type: String.fromCharCode(bytes[at] ?? 0), body: bytes.subarray(at + 5, end) });
    at = end;
  }
  return messages;
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
