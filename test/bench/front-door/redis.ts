import { spawnSync } from 'node:child_process';

import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import { load } from '../load.ts';
import { startServer } from './child-server.ts';
import type { Contender, Search } from './contender.ts';
import { PART, PARTS, TOP_K } from './contender.ts';

const WIDTHS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/** Settings of the graph, as Redis' documentation recommends for recall. */
const BUILD = ['M', '16', 'EF', '200'];

/** A vector set of Redis 8 with 32-bit floats; undefined if Redis is not installed or has no vector sets. */
export async function redis({ base, metric }: VectorSet, filtered: boolean): Promise<Contender | undefined> {
  const version = /v=(\d+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  // Vector sets compare only by cosine.
  if (version === undefined || Number(version) < 8 || metric !== 'cosine') return undefined;
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  const server = await startServer('redis-server', args, port);
  const attributes = (row: number): string[] => (filtered ? ['SETATTR', JSON.stringify({ part: row % PARTS })] : []);
  const add = (row: number): Buffer =>
    command('VADD', 'set', 'FP32', bytesOf(vectorAt(base, row)), String(row), 'NOQUANT', ...BUILD, ...attributes(row));
  const filled = load({ ...RESP, port, connections: 4, requestsMax: base.count, durationS: Infinity, request: add });
  await filled.catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  // It looks at as many vectors as `FILTER-EF` says in search of those that match.
  const filter = filtered ? ['FILTER', `.part == ${PART}`, 'FILTER-EF', String(base.count)] : [];
  const searches = WIDTHS.map((width): Search => ({
    ...RESP,
    port,
    setting: `ef ${width}`,
    request: (query) => command('VSIM', 'set', 'FP32', bytesOf(query), 'COUNT', String(TOP_K), 'EF', String(width), ...filter),
    rowsOf: (answer) => [...answer.toString('latin1').matchAll(/\$\d+\r\n(\d+)\r\n/g)].map(([, id]) => Number(id)),
  }));
  return { name: 'Redis vector set', searches, cpuS: server.cpuS, stop: server.stop };
}

/** Redis' protocol, RESP2: an answer is an array of bulk strings, or one line. */
const RESP = { endOf: endOfReply, isFine: (answer: Buffer): boolean => answer[0] !== 0x2d };

function endOfReply(bytes: Buffer): number | undefined {
  const lineEnd = (at: number): number => bytes.indexOf('\r\n', at);
  let at = lineEnd(0);
  if (at < 0) return undefined;
  if (bytes[0] !== 0x2a) return at + 2;
  const count = Number(bytes.toString('latin1', 1, at));
  at += 2;
  for (let item = 0; item < count; item += 1) {
    const end = lineEnd(at);
    if (end < 0) return undefined;
    at = end + 2 + Number(bytes.toString('latin1', at + 1, end)) + 2;
  }
  return at <= bytes.length ? at : undefined;
}

function command(...parts: (string | Buffer)[]): Buffer {
  const bytes = parts.map((part) => Buffer.from(part as string));
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bytes.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, LINE])]);
}

const LINE = Buffer.from('\r\n');
const bytesOf = (vector: Float32Array): Buffer => Buffer.from(vector.slice().buffer);
