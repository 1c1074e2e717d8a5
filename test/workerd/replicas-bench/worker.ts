import type { ReplicaObject } from '../../../durable-objects/replica-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import type { ReplicaTask } from '../../support/fakes/replica-task.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';

export { ReplicaObject } from '../../../durable-objects/replica-object.ts';
export { ShardObject } from '../../../durable-objects/shard-object.ts';

interface BenchEnv {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
}

const INDEX_ID = 'ix_hot' as IndexId;
const NAME = `tn_hot:${INDEX_ID}`;

const source = (dimensions: number, seed: number) => new Clusters({ dimensions, count: 200, spread: 0.35, seed });

/** Writes, reads and copies one shard, on requests of the bench. */
export default {
  async fetch(request: Request, env: BenchEnv): Promise<Response> {
    if (request.method === 'GET') return new Response('ready');
    const task: ReplicaTask = await request.json();
    return Response.json(await DO[task.kind](task, env));
  },
} satisfies ExportedHandler<BenchEnv>;

const DO: Readonly<Record<ReplicaTask['kind'], (task: ReplicaTask, env: BenchEnv) => Promise<object>>> = {
  fill: async ({ dimensions, count, from = 0, round = 0 }, { SHARD }) => {
    const shard = SHARD.getByName(NAME);
    await shard.open({ indexId: INDEX_ID, dimensions, metric: 'cosine' });
    const vectors = source(dimensions, from + 1);
    const ids = Array.from({ length: count }, (_, i) => `v${from + i}`);
    const values = new Float32Array(count * dimensions);
    for (let i = 0; i < count; i += 1) values.set(vectors.next(), i * dimensions);
    const [metadata, texts] = [ids.map(() => JSON.stringify({ round })), ids.map(() => null)];
    return shard.upsert({ indexId: INDEX_ID, ids, namespaces: ids.map(() => ''), values, metadata, texts, repetition: null });
  },
  search: async ({ dimensions, count, from = 0, replica }, { SHARD, REPLICA }) => {
    const vectors = source(dimensions, 1);
    for (let i = 0; i < from; i += 1) vectors.next();
    let found = 0;
    for (let i = 0; i < count; i += 1) {
      const target = { kind: 'values', values: Float32Array.from(vectors.next()) } as const;
      const include = { values: false, metadata: true, text: false };
      const query = { indexId: INDEX_ID, target, namespace: '', topK: 10, filter: null, excludeIds: [], include };
      const outcome =
        replica === undefined
          ? await SHARD.getByName(NAME).query(query)
          : await REPLICA.getByName(`${NAME}:r${replica}`).query(query, { kind: 'eventual' });
      found += outcome.ok ? outcome.value.ids.length : 0;
    }
    return { found };
  },
  copy: async ({ dimensions, replica }, { REPLICA }) => {
    await REPLICA.getByName(`${NAME}:r${replica}`).open({ indexId: INDEX_ID, dimensions, metric: 'cosine' }, NAME);
    return {};
  },
  state: ({ replica }, { REPLICA }) => REPLICA.getByName(`${NAME}:r${replica}`).state(),
  remove: async ({ count, from = 0 }, { SHARD }) => {
    const ids = Array.from({ length: count }, (_, i) => `v${from + i}`);
    return SHARD.getByName(NAME).deleteVectors({ indexId: INDEX_ID, selection: { kind: 'ids', namespace: '', ids } });
  },
  fetch: async ({ count, from = 0, replica, lsn = 0 }, { SHARD, REPLICA }) => {
    const ids = Array.from({ length: count }, (_, i) => `v${from + i}`);
    const fetch = { indexId: INDEX_ID, namespace: '', ids, include: { values: false, metadata: true, text: false } };
    const found =
      replica === undefined
        ? await SHARD.getByName(NAME).fetchVectors(fetch)
        : await REPLICA.getByName(`${NAME}:r${replica}`).fetchVectors(fetch, { kind: 'min-lsn', lsn });
    return found.ok ? { ids: found.value.ids, metadata: found.value.metadata } : { refused: found.error.code };
  },
};
