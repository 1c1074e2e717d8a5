import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { assert } from '../../../src/kernel/assert.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';
import { startServer } from './child-server.ts';
import type { ChildServer } from './child-server.ts';
import type { Contender, Search } from './contender.ts';
import { PART, PARTS, TOP_K } from './contender.ts';

const WIDTHS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 400];
const OPERATORS: Readonly<Record<Metric, { readonly compares: string; readonly ops: string }>> = {
  cosine: { compares: '<=>', ops: 'vector_cosine_ops' },
  dot: { compares: '<#>', ops: 'vector_ip_ops' },
  l2: { compares: '<->', ops: 'vector_l2_ops' },
};
const SETTINGS = [
  'shared_buffers=1GB',
  'fsync=off',
  'synchronous_commit=off',
  'max_wal_size=8GB',
  'jit=off',
  'autovacuum=off',
  'log_min_messages=fatal',
];
const BUILD_MEMORY = '2GB';
const ROWS_AT_ONCE = 1_000;

/** PostgreSQL with an HNSW index of pgvector, as packaged by Debian; undefined if they are not installed. */
export async function pgvector(set: VectorSet, filtered: boolean): Promise<Contender | undefined> {
  const server = await served();
  if (server === undefined) return undefined;
  await copied(server, set);
  await indexed(server, set);
  const searches = WIDTHS.map((width) => searchOf(server.port, width, set.metric, filtered));
  return { name: 'pgvector HNSW', searches, cpuS: server.cpuS, stop: server.stop };
}

/** What filling it costs; undefined if it is not installed. */
export async function pgvectorWrites(set: VectorSet): Promise<object | undefined> {
  const server = await served();
  if (server === undefined) return undefined;
  const timed = async (work: () => Promise<void>) => {
    const [startedMs, startCpuS] = [performance.now(), await server.cpuS()];
    await work();
    const us = { wall: (performance.now() - startedMs) * 1_000, cpu: ((await server.cpuS()) - startCpuS) * 1e6 };
    return { wallUs: us.wall / set.base.count, cpuUs: us.cpu / set.base.count };
  };
  const copy = await timed(() => copied(server, set));
  const index = await timed(() => indexed(server, set));
  await server.stop();
  return {
    body: 'COPY into pgvector',
    'acked per s': Math.round(1e6 / copy.wallUs),
    'CPU us a row': Number(copy.cpuUs.toFixed(1)),
    'indexed per s': Math.round(1e6 / (copy.wallUs + index.wallUs)),
    'CPU us a row indexed': Number((copy.cpuUs + index.cpuUs).toFixed(1)),
  };
}

interface PostgresServer extends ChildServer {
  readonly port: number;
  readonly psql: string;
}

async function served(): Promise<PostgresServer | undefined> {
  const folder = await folderWithExtension();
  if (folder === undefined) {
    console.log('pgvector is left out: install it, as by the package postgresql-17-pgvector');
    return undefined;
  }
  const user = userNamed('postgres');
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-pgvector-'));
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

async function copied(server: PostgresServer, { base }: VectorSet): Promise<void> {
  await inSql(server, async (send) => {
    await send(`CREATE EXTENSION vector;\nCREATE TABLE items (id int PRIMARY KEY, part int, embedding vector(${base.dimensions}));\n`);
    await send('COPY items FROM STDIN;\n');
    for (let from = 0; from < base.count; from += ROWS_AT_ONCE) {
      let lines = '';
      for (let row = from; row < Math.min(from + ROWS_AT_ONCE, base.count); row += 1)
        lines += `${row}\t${row % PARTS}\t[${vectorAt(base, row).join()}]\n`;
      await send(lines);
    }
    await send('\\.\n');
  });
}

async function indexed(server: PostgresServer, { metric }: VectorSet): Promise<void> {
  await inSql(server, async (send) => {
    await send(`SET maintenance_work_mem='${BUILD_MEMORY}';\nSET max_parallel_maintenance_workers=2;\n`);
    await send(`CREATE INDEX ON items USING hnsw (embedding ${OPERATORS[metric].ops}) WITH (m=16, ef_construction=64);\n`);
    await send('CREATE INDEX ON items (part);\nVACUUM ANALYZE items;\n');
  });
}

/** Runs what is sent; stops the server where that fails. */
async function inSql(
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

/** A statement that each connection prepares once, with parameter and answer in binary: PostgreSQL's protocol 3.0. */
function searchOf(port: number, width: number, metric: Metric, filtered: boolean): Search {
  const where = filtered ? ` WHERE part = ${PART}` : '';
  const sql = `SELECT id FROM items${where} ORDER BY embedding ${OPERATORS[metric].compares} $1::vector LIMIT ${TOP_K}`;
  const startup = message('', int32(196_608), text('user'), text('bench'), text('database'), text('postgres'), Buffer.of(0));
  const set = message('Q', text(`SET hnsw.ef_search = ${width}; SET hnsw.iterative_scan = strict_order`));
  const prepare = Buffer.concat([message('P', text('nearest'), text(sql), int16(0)), message('S')]);
  const execute = Buffer.concat([message('E', text(''), int32(0)), message('S')]);
  return {
    port,
    setting: `ef_search ${width}`,
    opening: [startup, set, prepare],
    endOf: endOfAnswer,
    isFine: (answer) => messagesOf(answer).every(({ type }) => type !== 'E'),
    request: (query) => Buffer.concat([bind(query), execute]),
    // A row message: the number of columns, the length of the first (4), and the id.
    rowsOf: (answer) =>
      messagesOf(answer)
        .filter(({ type }) => type === 'D')
        .map(({ body }) => body.readInt32BE(6)),
  };
}

function bind(query: Float32Array): Buffer {
  const value = Buffer.alloc(4 + 4 * query.length);
  value.writeInt16BE(query.length, 0);
  query.forEach((component, at) => value.writeFloatBE(component, 4 + 4 * at));
  return message('B', text(''), text('nearest'), int16(1), int16(1), int16(1), int32(value.length), value, int16(1), int16(1));
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
