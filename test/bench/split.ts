import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { Clusters } from '../support/fixtures/clusters.ts';
import { quantileMs } from '../support/worlds/hot-shard-simulation.ts';
import type { Vectors } from './ann/vectors.ts';
import { vectorAt, vectorsOf } from './ann/vectors.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import { GrownIndex } from './growth/grown-index.ts';

const DIMENSIONS = 100;
const SHARD_VECTORS_MAX = 30_000;
const QUICK_SHARD_VECTORS_MAX = 4_000;
/** Vectors added to take the shard over its budget. */
const EXTRA = 200;
/** So few that queries do not wait for each other while nothing else runs. */
const QUERIES_PER_S = 40;
const QUIET_S = 20;
/** Rows are moved within a few seconds; moved rows are removed `moveGraceMs` later. */
const SPLIT_S = 10;
const TOP_K = 10;

interface Asked {
  readonly atMs: number;
  readonly ms: number;
}

/**
 * Searches of a shard before, during and after its split, at a steady rate over HTTP. All objects share one thread of one workerd here, so
 * the split takes its whole CPU time from the searches; deployed objects run in parallel.
 */
export async function splitBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const shardVectorsMax = quick ? QUICK_SHARD_VECTORS_MAX : SHARD_VECTORS_MAX;
  await onRawGateway(async (workerd, client) => {
    const settings = { dimensions: DIMENSIONS, metric: 'cosine', shard_vectors_max: shardVectorsMax };
    const index = await GrownIndex.create(client, 'split', settings);
    const vectors = clustered(shardVectorsMax + EXTRA);
    await index.import(vectors, 0, shardVectorsMax);
    await index.settle(workerd);
    const searches = new Searches(index, vectors);
    await sleep(QUIET_S * 1_000);
    const importMs = performance.now();
    await index.import(vectors, shardVectorsMax, shardVectorsMax + EXTRA);
    while ((await index.stats()).shards < 2) await sleep(100);
    const splitMs = performance.now();
    await sleep(SPLIT_S * 1_000);
    const endMs = performance.now();
    await sleep(QUIET_S * 1_000);
    await searches.stop();
    const rows = [
      searches.between('before', 0, importMs),
      searches.between('ids handed to locators, split trained', importMs, splitMs),
      searches.between('rows moved', splitMs, endMs),
      searches.between('after', endMs, Infinity),
    ];
    console.log(`${shardVectorsMax + EXTRA} x ${DIMENSIONS}, ${QUERIES_PER_S} searches a second, load ${loadavg()[0]?.toFixed(1)}`);
    console.table(rows);
    console.log(JSON.stringify({ bench: 'split', shardVectorsMax, load: loadavg(), rows }));
  });
}

function clustered(count: number): Vectors {
  const source = new Clusters({ dimensions: DIMENSIONS, count: 200, spread: 0.6, seed: 1 });
  const values = new Float32Array(count * DIMENSIONS);
  for (let row = 0; row < count; row += 1) values.set(source.next(), row * DIMENSIONS);
  return vectorsOf(DIMENSIONS, values);
}

/** Searches that start on schedule, however long others take. */
class Searches {
  readonly #asked: Asked[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor(index: GrownIndex, vectors: Vectors) {
    this.#timer = setInterval(() => {
      const atMs = performance.now();
      const row = (this.#next += 7_919) % vectors.count;
      const search = index.search(vectorAt(vectors, row), TOP_K).then(({ ms }) => void this.#asked.push({ atMs, ms }));
      const watched = search.finally(() => this.#underWay.delete(watched));
      this.#underWay.add(watched);
    }, 1_000 / QUERIES_PER_S);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  between(phase: string, fromMs: number, untilMs: number): object {
    const latenciesMs = this.#asked.flatMap(({ atMs, ms }) => (atMs >= fromMs && atMs < untilMs ? [ms] : []));
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => Number(quantileMs(latenciesMs, share).toFixed(1)));
    return { phase, searches: latenciesMs.length, 'p50, ms': p50, 'p99, ms': p99, 'longest, ms': most };
  }
}
