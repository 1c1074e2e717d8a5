import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

import { assert } from '../../src/kernel/assert.ts';
import { bundle, bundleReadable } from '../../workers/local/bundle.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { gloveSet } from './ann/glove.ts';
import type { VectorSet } from './ann/vector-set.ts';
import { readVectorSet } from './ann/vector-set.ts';
import { vectorAt, vectorsOf } from './ann/vectors.ts';
import { HTTP, load, rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import type { Sample } from './waits/thread-profile.ts';
import { NAMING_FLAGS, SAMPLE_MS, hasPerf, threadProfile } from './waits/thread-profile.ts';
import { importBody, MEDIA_TYPES } from './writes/import-body.ts';

const ROWS = 20_000;
const WRITES_PER_S = 500;
const WARM_UP_S = 3;

/** When a search was sent and when it was answered. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * What searches wait for beside 500 upserts a second: what the server's thread did between their requests and answers, as `perf` saw it, of all
 * searches and of the slowest.
 */
export async function waitsBench({ quick = false }: { readonly quick?: boolean }): Promise<void> {
  if (!hasPerf()) {
    console.log('perf is not installed: nothing to show');
    return;
  }
  await bundle();
  const variants = { gateway: await bundleReadable('gateway'), shards: await bundleReadable('shards') };
  const { base, ...rest } = await readVectorSet(await gloveSet(true));
  const set = { ...rest, base: vectorsOf(base.dimensions, base.values.slice(0, ROWS * base.dimensions)) };
  await onRawGateway(
    async (workerd, client) => {
      await imported(client, set);
      // Code is compiled as it is used.
      await searchesBesideWrites(client, set, WARM_UP_S, []);
      const folder = await mkdtemp(join(tmpdir(), 'sluice-waits-'));
      const spans: Span[] = [];
      try {
        const samples = await threadProfile(workerd.pid, folder, () => searchesBesideWrites(client, set, quick ? 5 : 15, spans));
        print(spans, samples);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    { variants, v8Flags: NAMING_FLAGS },
  );
}

async function imported(client: ApiClient, { base, metric }: VectorSet): Promise<void> {
  await client.post('/v1/indexes', { name: 'waits', owner: 'bench', dimensions: base.dimensions, metric });
  const stream = new BulkStream(client, '/v1/indexes/waits/import', { 'content-type': MEDIA_TYPES.frames });
  const ended = stream.read();
  for (const piece of importBody('frames', base)) await stream.send(piece);
  stream.end();
  await ended;
  assert(stream.last?.status === 'done', `all is written, not ${JSON.stringify(stream.last)}`);
}

async function searchesBesideWrites(client: ApiClient, { base, queries }: VectorSet, durationS: number, spans: Span[]): Promise<void> {
  const { url, apiKey } = client;
  const common = { ...HTTP, port: Number(new URL(url).port), requestsMax: Infinity, durationS };
  const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
  let fromMs = 0;
  const search = (number: number): string => {
    const vector = Array.from(vectorAt(queries, number % queries.count));
    const body = { vector, top_k: 10, include_metadata: false };
    const request = rawRequest({ method: 'POST', path: '/v1/indexes/waits/query', apiKey, body });
    fromMs = nowMs();
    return request;
  };
  const upsert = (number: number): string => {
    const vectors = [{ id: `new ${number}`, values: Array.from(vectorAt(base, number % base.count)) }];
    return rawRequest({ method: 'POST', path: '/v1/indexes/waits/upsert', apiKey, body: { vectors } });
  };
  const searches = load({ ...common, connections: 1, request: search, onAnswer: () => void spans.push({ fromMs, toMs: nowMs() }) });
  const writes = load({ ...common, connections: 4, perS: WRITES_PER_S, request: upsert });
  for (const { failures } of await Promise.all([searches, writes])) assert(failures === 0, 'every request is answered');
}

function print(spans: readonly Span[], samples: readonly Sample[]): void {
  const slowest = spans.toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs));
  const parts = {
    all: slowest,
    'slowest 5 %': slowest.slice(0, Math.ceil(spans.length / 20)),
    'slowest 1 %': slowest.slice(0, Math.ceil(spans.length / 100)),
  };
  for (const [name, some] of Object.entries(parts)) {
    const took = some.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / some.length;
    const work = Object.entries(workIn(some, samples)).sort(([, a], [, b]) => b - a);
    const busy = work.reduce((sum, [, ms]) => sum + ms, 0);
    console.log(
      `${name}: ${some.length} searches of ${took.toFixed(2)} ms on average; the thread was at work for ${busy.toFixed(2)} ms of it`,
    );
    console.table(work.map(([what, ms]) => ({ what, 'ms a search': Number(ms.toFixed(3)) })));
  }
  console.log(`load ${(loadavg()[0] ?? 0).toFixed(1)}`);
}

/** Milliseconds a search, by cause. */
function workIn(spans: readonly Span[], samples: readonly Sample[]): Record<string, number> {
  const inOrder = spans.toSorted((a, b) => a.fromMs - b.fromMs);
  const work: Record<string, number> = {};
  let at = 0;
  for (const { atMs, cause } of samples) {
    while (at < inOrder.length && (inOrder[at]?.toMs ?? Infinity) < atMs) at += 1;
    if ((inOrder[at]?.fromMs ?? Infinity) > atMs) continue;
    work[cause] = (work[cause] ?? 0) + SAMPLE_MS / spans.length;
  }
  return work;
}
