import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { assert } from '../../../src/kernel/assert.ts';
import type { Metric } from '../../../src/contract/index-settings.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';
import { startServer } from './child-server.ts';
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
  await fill(join(folder, 'psql'), port, set).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const searches = WIDTHS.map((width) => searchOf(port, width, set.metric, filtered));
  return { name: 'pgvector HNSW', searches, cpuS: server.cpuS, stop };
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

async function fill(psql: string, port: number, { base, metric }: VectorSet): Promise<void> {
  const child = spawn(psql, ['-q', '-h', '127.0.0.1', '-p', String(port), '-U', 'bench', '-v', 'ON_ERROR_STOP=1', 'postgres'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const send = async (text: string): Promise<void> => {
    if (!child.stdin.write(text)) await once(child.stdin, 'drain');
  };
  await send(`CREATE EXTENSION vector;\nCREATE TABLE items (id int PRIMARY KEY, part int, embedding vector(${base.dimensions}));\n`);
  await send('COPY items FROM STDIN;\n');
  for (let from = 0; from < base.count; from += ROWS_AT_ONCE) {
    let lines = '';
    for (let row = from; row < Math.min(from + ROWS_AT_ONCE, base.count); row += 1)
      lines += `${row}\t${row % PARTS}\t[${vectorAt(base, row).join()}]\n`;
    await send(lines);
  }
  await send('\\.\n');
  await send(`SET maintenance_work_mem='${BUILD_MEMORY}';\nSET max_parallel_maintenance_workers=2;\n`);
  await send(`CREATE INDEX ON items USING hnsw (embedding ${OPERATORS[metric].ops}) WITH (m=16, ef_construction=64);\n`);
  await send('CREATE INDEX ON items (part);\nVACUUM ANALYZE items;\n');
  child.stdin.end();
  const [status] = (await exited) as [number | null];
  assert(status === 0, 'psql fills the table');
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
