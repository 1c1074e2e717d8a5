import { loadavg } from 'node:os';

import { encodeFloats } from '../../src/ann/float32.ts';
import { INDEX_LIMITS } from '../../src/contract/indexes/index-limits.ts';
import { toBase64 } from '../../src/kernel/bytes.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { servedFields } from '../support/worlds/served-fields.ts';
import { ShardWorld, smallFloor, value } from '../support/worlds/shard-world.ts';
import { whole } from '../support/worlds/whole-read.ts';

const DIMENSIONS = 384;
const CLUSTERS = 300;
const QUERIES = 100;
const NEAREST = 10;
const BATCH = 1_000;
const MEMORY_BYTES = INDEX_LIMITS.isolateEngineBytesMax;

/** What a search near vectors of a field takes in one shard, and what its writes do. `--full`: 100,000 rows, else 10,000. */
export async function fieldVectorsBench({ full = false }: { readonly full?: boolean | undefined }): Promise<void> {
  const rows = full ? 100_000 : 10_000;
  const draw = clustered(new Seeded(11));
  const floor = smallFloor(MEMORY_BYTES);
  const fields = { image: { kind: 'vector', dimensions: DIMENSIONS, metric: 'cosine', model: null } } as const;
  const world = new ShardWorld(floor, { dimensions: 2, metric: 'dot', fields }, 'bench', servedFields(floor, 'bench'));
  const written = cpuMs(() => {
    for (let from = 0; from < rows; from += BATCH) write(world, from, Array.from({ length: BATCH }, draw));
  });
  const swept = cpuMs(() => {
    while (world.store.fields?.sweep() === true);
  });
  const queries = Array.from({ length: QUERIES }, draw);
  const few = Array.from({ length: 100 }, (_, i) => idOf(i * (rows / 100)));
  const all = (ids?: readonly string[]) => queries.map((vector) => search(world, vector, ids));
  const result = (name: string, ids?: readonly string[], before?: () => void) => {
    const medians = Array.from({ length: 3 }, () => (before?.(), cpuMs(() => all(ids)) / QUERIES)).sort((a, b) => a - b);
    const found = all(ids).map(({ explanation }) => explanation);
    const mean = (of: (one: (typeof found)[number]) => number | undefined) => found.reduce((sum, one) => sum + (of(one) ?? 0), 0) / QUERIES;
    return {
      [name]: {
        'ms of CPU a query': medians[1]?.toFixed(2),
        'rows read': mean((one) => one?.rowsRead).toFixed(0),
        blocks: mean((one) => one?.listsProbed).toFixed(0),
      },
    };
  };
  all();
  const warm = result('all blocks in memory');
  const bytes = world.store.fields?.bytes ?? 0;
  const cold = cpuMs(() => queries.slice(0, 10).forEach((vector) => (world.store.fields?.evict(), search(world, vector)))) / 10;
  console.table({ ...warm, ...result('a filter leaves 100 rows', few), 'nothing in memory': { 'ms of CPU a query': cold.toFixed(2) } });
  const perRow = (ms: number): string => ((1_000 * ms) / rows).toFixed(0);
  console.log(
    `${rows} rows of ${DIMENSIONS} dimensions; ${(bytes / 1024 / 1024).toFixed(1)} MiB in memory, vectors read lately among them`,
  );
  console.log(`us of CPU a row: ${perRow(written)} to write, ${perRow(swept)} to code afterwards; load ${loadavg()[0]?.toFixed(1)}`);
}

/** Around centres, as embeddings are. */
function clustered(rng: Seeded): () => Float32Array<ArrayBuffer> {
  const normal = () => Math.sqrt(-2 * Math.log(rng.next() + 1e-12)) * Math.cos(2 * Math.PI * rng.next());
  const centres = Array.from({ length: CLUSTERS }, () => Float32Array.from({ length: DIMENSIONS }, normal));
  return () => {
    const centre = centres[Math.floor(rng.next() * CLUSTERS)]!;
    return Float32Array.from(centre, (x) => x + 0.7 * normal());
  };
}

const idOf = (row: number): string => `v${row}`;

function write({ shard, identity: { indexId } }: ShardWorld, from: number, vectors: readonly Float32Array[]): void {
  const ids = vectors.map((_, i) => idOf(from + i));
  const none = ids.map(() => null);
  const columns = { namespaces: ids.map(() => ''), values: new Float32Array(2 * ids.length), metadata: none, texts: none };
  const contents = vectors.map((vector) => JSON.stringify({ image: { vector: toBase64(encodeFloats(vector)) } }));
  value(shard.upsert({ indexId, ids, ...columns, contents, repetition: null }, 0));
}

function search({ shard, identity: { indexId } }: ShardWorld, vector: Float32Array<ArrayBuffer>, ids?: readonly string[]) {
  const query = { kind: 'vector', field: 'image', vector } as const;
  const filter = ids === undefined ? null : ({ kind: 'ids', ids } as const);
  const include = { values: false, metadata: false, text: false };
  const asked = { indexId, query, namespace: '', topK: NEAREST, filter, excludeIds: [], include, explain: true };
  return value(whole(shard.searchFields(asked)));
}

function cpuMs(work: () => unknown): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
