import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/kernel/assert.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import type { AnnOptions } from './ann/ann-options.ts';
import { gloveSet } from './ann/glove.ts';
import { recallOf } from './ann/recall.ts';
import { truthOf } from './ann/truth.ts';
import type { VectorSet } from './ann/vector-set.ts';
import { readVectorSet } from './ann/vector-set.ts';
import type { Vectors } from './ann/vectors.ts';
import { vectorAt, vectorsOf } from './ann/vectors.ts';
import { pgvectorWrites } from './front-door/pgvector.ts';
import { HTTP, load, rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import type { RawWorkerd } from './raw-workerd.ts';
import { importBody, MEDIA_TYPES } from './writes/import-body.ts';
import type { BodyKind } from './writes/import-body.ts';

const TOP_K = 10;
const ROWS = { quick: 20_000, full: 50_000 };
const WRITES_PER_S = 500;
/** Maintenance works without a pause but for requests: a second without work is its end. */
const QUIET_S = 1.5;
const POLL_MS = 100;
const IDLE_CPU_S = 0.01;

/**
 * What writes cost from end to end over HTTP: an import by each kind of body until it is acknowledged and until all of it is in posting
 * lists; searches meanwhile; searches beside single upserts; and the first answer after the server was killed. Then what pgvector takes to copy
 * the same vectors and to index them, if it is installed.
 */
export async function writesBench({ only, quick = false }: AnnOptions): Promise<void> {
  const set = firstOf(await readVectorSet(await gloveSet(true)), quick ? ROWS.quick : ROWS.full);
  const kinds = (Object.keys(MEDIA_TYPES) as BodyKind[]).filter((kind) => only === undefined || only === kind);
  await onRawGateway(async (workerd, client, restart) => {
    console.log(`${set.base.count} x ${set.base.dimensions} of ${set.name}, load ${loadavg()[0]?.toFixed(1)}`);
    for (const kind of kinds) console.table([await imported(workerd, client, set, kind)]);
    const name = nameOf(kinds[0] ?? 'ndjson');
    console.table(await searchesBesideWrites(client, set, name, quick ? 5 : 15));
    await workerd.kill();
    console.table([await firstAnswer(client, set, name, restart)]);
  });
  const peer = await pgvectorWrites(set);
  if (peer !== undefined) console.table([peer]);
}

const nameOf = (kind: BodyKind): string => `by-${kind}`;

/** The first rows of a set, and a name under which their ground truth is cached apart. */
function firstOf(set: VectorSet, rows: number): VectorSet {
  const { dimensions, values } = set.base;
  const base = vectorsOf(dimensions, values.slice(0, rows * dimensions));
  return { ...set, base, hash: `${set.hash}-${base.count}` };
}

/** Imports twice: until all is in lists without a search, and once more with searches before that. */
async function imported(workerd: RawWorkerd, client: ApiClient, set: VectorSet, kind: BodyKind): Promise<object> {
  const { base } = set;
  const pieces = importBody(kind, base);
  const [name, searchedName] = [nameOf(kind), `${nameOf(kind)}-searched`];
  for (const each of [name, searchedName]) await created(client, set, each);
  const [startedMs, startCpuS] = [performance.now(), await workerd.cpuS()];
  await written(client, name, kind, pieces, base.count);
  const [ackS, ackCpuS] = [secondsSince(startedMs), (await workerd.cpuS()) - startCpuS];
  const busyUntilMs = await settled(workerd);
  const indexedCpuS = (await workerd.cpuS()) - startCpuS;
  const listed = await searched(client, set, name);
  await written(client, searchedName, kind, pieces, base.count);
  const waiting = await searched(client, set, searchedName);
  await settled(workerd);
  return {
    body: kind,
    'acked per s': Math.round(base.count / ackS),
    'CPU us a row': rounded((ackCpuS * 1e6) / base.count, 1),
    'indexed per s': Math.round(base.count / ((busyUntilMs - startedMs) / 1_000)),
    'CPU us a row indexed': rounded((indexedCpuS * 1e6) / base.count, 1),
    'recall, p99 ms before lists': `${rounded(waiting.recall, 4)}, ${rounded(waiting.p99Ms, 2)}`,
    'with lists': `${rounded(listed.recall, 4)}, ${rounded(listed.p99Ms, 2)}`,
  };
}

async function created(client: ApiClient, { base, metric }: VectorSet, name: string): Promise<void> {
  const made = await client.post('/v1/indexes', { name, owner: 'bench', dimensions: base.dimensions, metric });
  assert(made.status === 201, `the index is created, not ${JSON.stringify(made.body)}`);
}

/** Imports `count` vectors. */
async function written(client: ApiClient, name: string, kind: BodyKind, pieces: readonly Uint8Array[], count: number): Promise<void> {
  const stream = new BulkStream(client, `/v1/indexes/${name}/import`, { 'content-type': MEDIA_TYPES[kind] });
  const ended = stream.read();
  for (const piece of pieces) await stream.send(piece);
  stream.end();
  await ended;
  assert(stream.last?.status === 'done' && stream.last.written === count, `all is written, not ${JSON.stringify(stream.last)}`);
}

/** Searches with every query once, by one connection. */
async function searched(client: ApiClient, set: VectorSet, name: string) {
  const count = Math.min(200, set.queries.count);
  const found = new Int32Array(count * TOP_K).fill(-1);
  const truth = await truthOf(set);
  const result = await load({
    ...HTTP,
    port: portOf(client),
    connections: 1,
    requestsMax: count,
    durationS: Infinity,
    request: (number) => queryRequest(client, set.queries, name, number),
    onAnswer: (number, answer) => found.set(rowsOf(answer), number * TOP_K),
  });
  assert(result.failures === 0, 'every query is answered');
  return { recall: recallOf(set, truth, found, TOP_K), p99Ms: result.p99Ms };
}

const portOf = ({ url }: ApiClient): number => Number(new URL(url).port);

function queryRequest({ apiKey }: ApiClient, queries: Vectors, name: string, number: number): string {
  const vector = Array.from(vectorAt(queries, number % queries.count));
  return rawRequest({ method: 'POST', path: `/v1/indexes/${name}/query`, apiKey, body: { vector, top_k: TOP_K, include_metadata: false } });
}

function rowsOf(answer: Buffer): number[] {
  const { matches } = JSON.parse(answer.subarray(answer.indexOf('\r\n\r\n') + 4).toString()) as { matches: { id: string }[] };
  return matches.map(({ id }) => Number(id));
}

/** When the server was last busy, once it has been idle for some time. */
async function settled(workerd: RawWorkerd): Promise<number> {
  let busyMs = performance.now();
  for (let beforeS = await workerd.cpuS(); performance.now() - busyMs < QUIET_S * 1_000;) {
    await sleep(POLL_MS);
    const nowS = await workerd.cpuS();
    if (nowS - beforeS > IDLE_CPU_S) busyMs = performance.now();
    beforeS = nowS;
  }
  return busyMs;
}

/** One connection that searches as fast as it is answered, alone and then beside upserts of single vectors. */
async function searchesBesideWrites(client: ApiClient, set: VectorSet, name: string, durationS: number): Promise<object[]> {
  const port = portOf(client);
  const queries = Array.from({ length: set.queries.count }, (_, number) => queryRequest(client, set.queries, name, number));
  const search = () =>
    load({
      ...HTTP,
      port,
      connections: 1,
      requestsMax: Infinity,
      durationS,
      request: (number) => queries[number % queries.length] ?? '',
    });
  const upsert = (number: number): string => {
    const vectors = [{ id: `new ${number}`, values: Array.from(vectorAt(set.base, number % set.base.count)) }];
    return rawRequest({ method: 'POST', path: `/v1/indexes/${name}/upsert`, apiKey: client.apiKey, body: { vectors } });
  };
  const write = () => load({ ...HTTP, port, connections: 4, requestsMax: Infinity, durationS, perS: WRITES_PER_S, request: upsert });
  const alone = await search();
  const [beside, writes] = await Promise.all([search(), write()]);
  assert(alone.failures + beside.failures + writes.failures === 0, 'every request is answered');
  const row = (what: string, { requests, elapsedS, p50Ms, p99Ms, worstMs }: Awaited<ReturnType<typeof search>>) => ({
    what,
    'per s': Math.round(requests / elapsedS),
    'p50 ms': rounded(p50Ms, 2),
    'p99 ms': rounded(p99Ms, 2),
    'worst ms': rounded(worstMs, 1),
  });
  return [row('searches alone', alone), row('searches beside writes', beside), row('writes', writes)];
}

async function firstAnswer(client: ApiClient, set: VectorSet, name: string, restart: () => Promise<RawWorkerd>): Promise<object> {
  const startedMs = performance.now();
  const served = restart();
  const body = { vector: Array.from(vectorAt(set.queries, 0)), top_k: TOP_K };
  for (;;) {
    const answer = await client.post(`/v1/indexes/${name}/query`, body).catch(() => undefined);
    if (answer?.status === 200) break;
    await sleep(5);
  }
  const seconds = secondsSince(startedMs);
  const cpuS = await (await served).cpuS();
  return { 'first answer after a kill, s': rounded(seconds, 2), 'CPU s': rounded(cpuS, 2) };
}

const secondsSince = (startedMs: number): number => (performance.now() - startedMs) / 1_000;
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
