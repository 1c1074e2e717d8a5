import { openSync, readSync } from 'node:fs';
import { loadavg } from 'node:os';

import { assert } from '../../src/kernel/assert.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { SluiceClient } from '../../workers/client/sluice-client.ts';
import { floor } from './front-door/floor.ts';
import { HTTP, load, rawRequest } from './load.ts';
import type { Wire } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';

const [COUNT, DIMENSIONS, ROUND] = [5_000, 100, 1_000];

interface Case {
  readonly what: string;
  readonly wire: Wire;
  readonly request: Buffer;
  /** CPU time that the server's thread has used so far, in nanoseconds. */
  readonly cpuNs: () => number;
  readonly cpuUs: number[];
}

/**
 * Which queries cost many times what the others do: the CPU time of each, at one connection, of Sluice and of the floor, a minimal Worker on the
 * same workerd. Unlike latency it does not depend on what else runs on the machine.
 */
export async function tailBench({ quick = false }: { readonly quick?: boolean }): Promise<void> {
  const random = new Seeded(70);
  const vectorOf = () => Float32Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);
  await onRawGateway(async (workerd, { url, apiKey }) => {
    const client = new SluiceClient({ url, apiKey });
    await client.createIndex({ name: 'tail', dimensions: DIMENSIONS });
    const vectors = Array.from({ length: COUNT }, (_, i) => ({ id: `v${i}`, values: vectorOf(), metadata: { page: i } }));
    for await (const written of client.index('tail').import(vectors)) if (written === COUNT) break;
    const query = vectorOf();
    const body = { vector: Array.from(query), top_k: 10 };
    const request = Buffer.from(rawRequest({ method: 'POST', path: '/v1/indexes/tail/query', apiKey, body }));
    const least = await floor();
    try {
      const [search] = least.searches;
      assert(search !== undefined, 'the floor is searched in one way');
      const cases = [
        caseOf('floor', search, search.request(query), least.pid),
        caseOf('Sluice', { ...HTTP, port: Number(new URL(url).port) }, request, workerd.pid),
      ];
      // The first round warms up.
      for (let round = 0; round <= (quick ? 6 : 30); round += 1) {
        for (const one of cases) {
          await drive(one);
          if (round === 0) one.cpuUs.length = 0;
        }
      }
      console.table(Object.fromEntries(cases.map((one) => [one.what, rowOf(one.cpuUs)])));
      console.log(`load ${(loadavg()[0] ?? 0).toFixed(1)}`);
    } finally {
      await least.stop();
    }
  });
}

function caseOf(what: string, wire: Wire, request: Buffer, pid: number): Case {
  const file = openSync(`/proc/${pid}/task/${pid}/schedstat`, 'r');
  const bytes = Buffer.alloc(64);
  const cpuNs = () => Number(bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)).split(' ')[0]);
  return { what, wire, request, cpuNs, cpuUs: [] };
}

async function drive({ wire, request, cpuNs, cpuUs }: Case): Promise<void> {
  let beganNs = 0;
  const { failures } = await load({
    ...wire,
    connections: 1,
    requestsMax: ROUND,
    durationS: 120,
    request: () => {
      beganNs = cpuNs();
      return request;
    },
    onAnswer: () => void cpuUs.push((cpuNs() - beganNs) / 1_000),
  });
  if (failures > 0) throw new Error(`${failures} requests failed`);
}

function rowOf(cpuUs: readonly number[]) {
  const sorted = cpuUs.toSorted((a, b) => a - b);
  const at = (quantile: number): number => Math.round(sorted[Math.floor(quantile * sorted.length)] ?? NaN);
  const oneIn = (us: number): string => {
    const count = sorted.filter((one) => one > us).length;
    return count === 0 ? `none of ${sorted.length}` : `1 in ${Math.round(sorted.length / count)}`;
  };
  const mean = Math.round(sorted.reduce((sum, one) => sum + one, 0) / sorted.length);
  const quantiles = { 'p50 us': at(0.5), 'p99 us': at(0.99), 'p99.5 us': at(0.995), 'p99.9 us': at(0.999) };
  return { 'mean us': mean, ...quantiles, 'worst ms': Math.round((sorted.at(-1) ?? NaN) / 1_000), 'over 10 ms': oneIn(10_000) };
}
