import { Buffer } from 'node:buffer';
import { loadavg } from 'node:os';
import { gzipSync } from 'node:zlib';

import { Seeded } from '../../src/kernel/seeded.ts';
import { VECTOR_FRAME_TYPE, writeFrame } from '../../src/kernel/vector-frame.ts';
import { SluiceClient } from '../../workers/client/sluice-client.ts';
import type { AnnOptions } from './ann/ann-options.ts';
import { HTTP, load } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';

const [COUNT, DIMENSIONS, BATCH, ROUNDS] = [5_000, 100, 50, 6];
const JSON_TYPE = 'application/json';

interface Body {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly gzip?: boolean;
}

/** One way to ask for the ten nearest of a vector, or of several. */
interface Way {
  readonly name: string;
  readonly searches: number;
  readonly path: string;
  readonly accept?: string;
  readonly body: Body;
  /** Whether each request opens a connection of its own. */
  readonly connects?: boolean;
}

/** What the forms of a query cost on the wire: JSON, base64 and frames, alone and in batches, compressed, and over new connections. */
export async function wireBench({ quick = false }: AnnOptions): Promise<void> {
  const random = new Seeded(15);
  const vectorOf = () => Float32Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);
  await onRawGateway(async (workerd, { url, apiKey }) => {
    const client = new SluiceClient({ url, apiKey });
    await client.createIndex({ name: 'wire', dimensions: DIMENSIONS });
    const vectors = Array.from({ length: COUNT }, (_, i) => ({ id: `v${i}`, values: vectorOf() }));
    for await (const written of client.index('wire').import(vectors))
      if (written === COUNT) console.log(`${COUNT} vectors of ${DIMENSIONS}`);
    const ways = waysOf(Array.from({ length: BATCH }, vectorOf));
    const rows = new Map(ways.map((way) => [way, { cpuMs: 0, p50Ms: [] as number[], answerBytes: 0 }]));
    const requestsMax = quick ? 40 : 200;
    // The first round warms up.
    for (let round = 0; round <= (quick ? 2 : ROUNDS); round += 1) {
      for (const [way, row] of rows) {
        const beganS = await workerd.cpuS();
        const p50Ms = await drive(way, new URL(url), apiKey, requestsMax, (bytes) => (row.answerBytes = bytes));
        const cpuMs = ((await workerd.cpuS()) - beganS) * 1_000;
        if (round === 0) continue;
        row.cpuMs += cpuMs / requestsMax / way.searches;
        row.p50Ms.push(p50Ms / way.searches);
      }
    }
    const table = [...rows].map(([{ name, body }, { cpuMs, p50Ms, answerBytes }]) => ({
      form: name,
      'bytes sent': body.bytes.byteLength,
      'bytes answered': answerBytes,
      'server CPU ms a search': (cpuMs / p50Ms.length).toFixed(3),
      'p50 ms a search': p50Ms.toSorted((a, b) => a - b)[Math.floor(p50Ms.length / 2)]?.toFixed(3),
    }));
    console.table(table);
    console.log(
      `load ${loadavg()
        .map((value) => value.toFixed(1))
        .join(' ')}; one connection, interleaved rounds`,
    );
  });
}

function waysOf(vectors: readonly Float32Array<ArrayBuffer>[]): Way[] {
  const [vector = new Float32Array(DIMENSIONS)] = vectors;
  const json = (value: unknown): Body => ({ type: JSON_TYPE, bytes: Buffer.from(JSON.stringify(value)) });
  const frame = (head: unknown, rows: readonly Float32Array[]): Body => {
    const values = new Float32Array(rows.length * DIMENSIONS);
    for (const [row, of] of rows.entries()) values.set(of, row * DIMENSIONS);
    return { type: VECTOR_FRAME_TYPE, bytes: writeFrame(head, values, DIMENSIONS) };
  };
  const zipped = (body: Body): Body => ({ ...body, bytes: gzipSync(body.bytes), gzip: true });
  const single = { searches: 1, path: '/query' };
  const options = { top_k: 10, include_metadata: false };
  const plain = json({ vector: Array.from(vector), ...options });
  const framed = frame({ vector: 0, ...options }, [vector]);
  const withValues = { ...options, include_values: true };
  const batch = { searches: vectors.length, path: '/query/batch' };
  const searches = (of: (row: number) => unknown) => ({ searches: vectors.map((_, row) => ({ vector: of(row), ...options })) });
  return [
    { ...single, name: 'JSON', body: plain },
    { ...single, name: 'base64 in JSON', body: json({ vector: Buffer.from(vector.buffer).toString('base64'), ...options }) },
    { ...single, name: 'frame', body: framed },
    { ...single, name: 'JSON, gzip', body: zipped(plain) },
    { ...single, name: 'frame, gzip', body: zipped(framed) },
    { ...single, name: 'JSON, a new connection each', body: plain, connects: true },
    { ...single, name: 'frame, a new connection each', body: framed, connects: true },
    { ...single, name: 'JSON, values in the answer', body: json({ vector: Array.from(vector), ...withValues }) },
    { ...single, name: 'frame, values in a frame', body: frame({ vector: 0, ...withValues }, [vector]), accept: VECTOR_FRAME_TYPE },
    { ...batch, name: `${BATCH} searches, JSON`, body: json(searches((row) => Array.from(vectors[row] ?? []))) },
    {
      ...batch,
      name: `${BATCH} searches, frame`,
      body: frame(
        searches((row) => row),
        vectors,
      ),
    },
    { ...batch, name: `${BATCH} searches, JSON, gzip`, body: zipped(json(searches((row) => Array.from(vectors[row] ?? [])))) },
  ];
}

async function drive(way: Way, { port }: URL, apiKey: string, requestsMax: number, answered: (bytes: number) => void): Promise<number> {
  const request = requestOf(way, apiKey);
  const options = { ...HTTP, port: Number(port), connections: 1, durationS: 60, request: () => request };
  const onAnswer = (_: number, answer: Buffer) => answered(answer.byteLength - answer.indexOf('\r\n\r\n') - 4);
  if (way.connects !== true) return whole(await load({ ...options, requestsMax, onAnswer })).p50Ms;
  const timesMs: number[] = [];
  for (let sent = 0; sent < requestsMax; sent += 1) {
    const beganMs = performance.now();
    whole(await load({ ...options, requestsMax: 1, onAnswer }));
    timesMs.push(performance.now() - beganMs);
  }
  return timesMs.toSorted((a, b) => a - b)[Math.floor(timesMs.length / 2)] ?? 0;
}

function requestOf({ path, accept, body: { type, bytes, gzip } }: Way, apiKey: string): Buffer {
  const head = [
    `POST /v1/indexes/wire${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${apiKey}`,
    `content-type: ${type}`,
    `content-length: ${bytes.byteLength}`,
    ...(gzip === true ? ['content-encoding: gzip'] : []),
    ...(accept === undefined ? [] : [`accept: ${accept}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

function whole<T extends { readonly failures: number }>(result: T): T {
  if (result.failures > 0) throw new Error(`${result.failures} requests failed`);
  return result;
}
