import { hash } from 'node:crypto';

import type { EmbeddingCacheObject } from '../../../durable-objects/embedding-cache-object.ts';
import { parseShards } from '../../../src/cache/cache-layout.ts';
import { ShardedCache } from '../../../src/gateway/caches/sharded-cache.ts';
import type { CacheOwnerId } from '../../../src/kernel/ids.ts';
import type { BatchResult, BatchTask } from '../../support/worlds/cache-batch.ts';
import { cacheShards } from '../../../workers/gateway/adapters/caches/durable-caches.ts';
import { actingFor } from '../../support/fakes/in-force.ts';

export { EmbeddingCacheObject } from '../../../durable-objects/embedding-cache-object.ts';

interface Env {
  readonly EMBEDDING_CACHE: DurableObjectNamespace<EmbeddingCacheObject>;
}

const OWNER = 'tn_bench' as CacheOwnerId;
const ACTING = actingFor(OWNER);
const ORIGIN = { contractHash: 'f'.repeat(64), model: 'bench', modelVersion: '1' };
const digestOf = (at: number): string => hash('sha256', `text ${at}`, 'hex');

async function perform(task: BatchTask, env: Env): Promise<BatchResult> {
  const { at, dimensions } = task;
  const copies: Promise<unknown>[] = [];
  let failures = 0;
  const cache = new ShardedCache({
    layout: { shards: parseShards(task.shards, 64), before: task.before === '' ? [] : parseShards(task.before, 64) },
    shardOf: cacheShards(env.EMBEDDING_CACHE),
    background: (work) => copies.push(work),
    onFailure: () => (failures += 1),
  });
  let [found, wrong] = [0, 0];
  if (task.kind === 'put') {
    const vectors = new Float32Array(at.length * dimensions).fill(0.5);
    at.forEach((number, row) => (vectors[row * dimensions] = number));
    const entries = at.map((number) => ({ digest: digestOf(number), position: 0, knownMs: 0, tags: [], ageMs: 0, ttlMs: undefined }));
    await cache.put(OWNER, ORIGIN, entries, vectors, ACTING);
  }
  if (task.kind === 'get') {
    const answers = await cache.get(OWNER, ORIGIN, at.map(digestOf), ACTING);
    found = answers.length;
    wrong = answers.filter((answer) => answer.vector[0] !== at[answer.at]).length;
  }
  await Promise.all(copies);
  return { found, wrong, failures };
}

/** Uses the second cache level as a gateway does, for the bench `cache-l2`. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method !== 'POST') return new Response('ready');
    if (pathname === '/batch') return Response.json(await perform(await request.json<BatchTask>(), env));
    const stub = env.EMBEDDING_CACHE.get(env.EMBEDDING_CACHE.idFromName(`${OWNER}:${pathname.slice(1)}`));
    let [entries, next] = [0, 0 as number | null];
    while (next !== null) {
      const slice: { entries: number; next: number | null } = await stub.count({}, next);
      entries += slice.entries;
      next = slice.next;
    }
    return Response.json({ entries });
  },
};
