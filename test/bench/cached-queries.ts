import { loadavg } from 'node:os';

import { Seeded } from '../../src/kernel/seeded.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { HTTP, load, rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import type { RawWorkerd } from './raw-workerd.ts';

const DIMENSIONS = 100;
/** Few, so that a search is as cheap as possible. */
const VECTORS = 1_000;
const BATCH = 1_000;
const QUERIES = 64;
const CONNECTIONS = 8;
const ROUNDS = 4;

interface Case {
  readonly what: string;
  readonly requests: readonly string[];
  cpuUs: number;
}

/** The cost of a query answered from the cache, beside the same query searched: CPU of the whole workerd, in interleaved rounds. */
export async function cachedQueriesBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  await onRawGateway(async (workerd, client) => {
    await fill(client);
    const random = new Seeded(2);
    const vectors = Array.from({ length: QUERIES }, () => ({ vector: vectorOf(random), top_k: 10 }));
    const texts = Array.from({ length: QUERIES }, (_, number) => ({ text: `water over the wheel of mill ${number}`, top_k: 10 }));
    const cases: Case[] = [
      caseOf(client, 'vector, searched', 'numbers', vectors, false),
      caseOf(client, 'vector, cached', 'numbers', vectors, true),
      caseOf(client, 'text, searched', 'texts', texts, false),
      caseOf(client, 'text, cached', 'texts', texts, true),
    ];
    for (let round = 0; round < (quick ? 2 : ROUNDS); round += 1)
      for (const one of cases) await measure(workerd, client, one, quick ? 1 : 2);
    console.table(cases.map(({ what, cpuUs }) => ({ what, cpuUs: Math.round(cpuUs), load: Number((loadavg()[0] ?? 0).toFixed(1)) })));
    for (const target of ['vector', 'text']) {
      const costOf = (how: string): number => cases.find(({ what }) => what === `${target}, ${how}`)?.cpuUs ?? 0;
      console.log(`${target}: a cached answer costs ${(costOf('cached') / costOf('searched')).toFixed(2)} of a search`);
    }
  });
}

async function fill(client: ApiClient): Promise<void> {
  const random = new Seeded(1);
  await client.post('/v1/indexes', { name: 'numbers', owner: 'bench', dimensions: DIMENSIONS });
  await client.post('/v1/indexes', { name: 'texts', owner: 'bench', model: 'glove-sif-100' });
  for (let from = 0; from < VECTORS; from += BATCH) {
    const ids = Array.from({ length: BATCH }, (_, at) => `v${from + at}`);
    for (const index of ['numbers', 'texts']) {
      const { status, body } = await client.post(`/v1/indexes/${index}/upsert`, {
        vectors: ids.map((id) => ({ id, values: vectorOf(random), metadata: { kind: 'mill' } })),
      });
      if (status >= 300) throw new Error(JSON.stringify(body));
    }
  }
}

const vectorOf = (random: Seeded): number[] => Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);

function caseOf(client: ApiClient, what: string, index: string, bodies: readonly object[], isCached: boolean): Case {
  const requests = bodies.map((body) => {
    const raw = rawRequest({ method: 'POST', path: `/v1/indexes/${index}/query`, apiKey: client.apiKey, body });
    return isCached ? raw.replace('content-type', 'x-sluice-cache-ttl-ms: 3600000\r\ncontent-type') : raw;
  });
  return { what, requests, cpuUs: Infinity };
}

/** The best round counts: other load on the machine can only slow a round down. */
async function measure(workerd: RawWorkerd, client: ApiClient, one: Case, durationS: number): Promise<void> {
  const port = Number(new URL(client.url).port);
  const request = (number: number): string => one.requests[number % QUERIES] ?? '';
  await load({ ...HTTP, port, connections: CONNECTIONS, requestsMax: 2 * QUERIES, durationS: 10, request });
  const beforeS = await workerd.cpuS();
  const { requests, failures } = await load({ ...HTTP, port, connections: CONNECTIONS, requestsMax: Infinity, durationS, request });
  if (failures > 0) throw new Error(`${failures} of ${requests} failed: ${one.what}`);
  one.cpuUs = Math.min(one.cpuUs, (((await workerd.cpuS()) - beforeS) / requests) * 1e6);
}
