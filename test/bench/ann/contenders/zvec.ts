import { join } from 'node:path';

import type { Contender, Setting } from '../contender.ts';
import { folderBytes } from '../folder-bytes.ts';
import { requirePeer, widths } from '../peer.ts';
import { vectorAt } from '../vectors.ts';

interface Collection {
  insertSync(documents: object[]): { ok: boolean; message: string }[];
  optimizeSync(options: { concurrency: number }): void;
  querySync(query: object): { id: string }[];
  closeSync(): void;
}

interface Zvec {
  ZVecInitialize(options: object): void;
  ZVecCollectionSchema: new (schema: object) => object;
  ZVecCreateAndOpen(path: string, schema: object): Collection;
  ZVecOpen(path: string, options: object): Collection;
  ZVecDataType: Record<string, number>;
  ZVecMetricType: Record<string, number>;
  ZVecIndexType: Record<string, number>;
  ZVecQuantizeType: Record<string, number>;
}

const BATCH = 1000;
const METRICS = { cosine: 'COSINE', dot: 'IP', l2: 'L2' } as const;

const GRAPH = { m: 16, efConstruction: 200 };
const LISTS = 1024;

interface ZvecIndex {
  readonly type: string;
  readonly quantised: string;
  /** Options of the index. */
  readonly options: Setting;
  readonly settings: (topK: number) => readonly Setting[];
  /** Options of every query. */
  readonly query: object;
}

/** Its graph over float32 vectors, or over codes with rescored results. */
export const zvecGraph = (quantised: 'UNDEFINED' | 'INT8'): Contender =>
  zvec({
    type: 'HNSW',
    quantised,
    options: GRAPH,
    settings: (topK) => widths(topK, [20, 64, 100, 150, 200, 300, 400, 600]).map((ef) => ({ ef })),
    query: quantised === 'UNDEFINED' ? {} : { isUsingRefiner: true },
  });

/** Its inverted lists of RaBitQ codes. With `isRefined`, twice as many candidates as requested are rescored: best of 1, 2 and 10. */
export const zvecLists = (totalBits: number, isRefined: boolean): Contender =>
  zvec({
    type: 'IVF_RABITQ',
    quantised: 'UNDEFINED',
    options: { nList: LISTS, totalBits },
    settings: () => [8, 16, 32, 64, 128, 256].map((nprobe) => ({ nprobe })),
    query: isRefined ? { isUsingRefiner: true, scaleFactor: 2 } : {},
  });

/** A zvec index of the given type, on one thread. */
function zvec({ type, quantised, options, settings, query: queryOptions }: ZvecIndex): Contender {
  const library = requirePeer('@zvec/zvec') as Zvec;
  library.ZVecInitialize({ queryThreads: 1, optimizeThreads: 1 });
  let collection: Collection;
  let params: object;
  return {
    version: `zvec 0.7.0 ${type} ${quantised} ${JSON.stringify(options)}`,
    settings,
    build({ metric, base }, folder) {
      const indexParams = {
        indexType: library.ZVecIndexType[type],
        metricType: library.ZVecMetricType[METRICS[metric]],
        quantizeType: library.ZVecQuantizeType[quantised],
        ...options,
      };
      const vectors = { name: 'v', dataType: library.ZVecDataType['VECTOR_FP32'], dimension: base.dimensions, indexParams };
      const schema = new library.ZVecCollectionSchema({ name: 'bench', vectors });
      const built = library.ZVecCreateAndOpen(join(folder, 'collection'), schema);
      for (let start = 0; start < base.count; start += BATCH) {
        const rows = Array.from({ length: Math.min(BATCH, base.count - start) }, (_, i) => start + i);
        const statuses = built.insertSync(rows.map((row) => ({ id: String(row), vectors: { v: vectorAt(base, row) } })));
        const failed = statuses.find(({ ok }) => !ok);
        if (failed !== undefined) throw new Error(failed.message);
      }
      built.optimizeSync({ concurrency: 1 });
      built.closeSync();
      return folderBytes(folder);
    },
    open(_, folder) {
      collection = library.ZVecOpen(join(folder, 'collection'), { readOnly: true });
    },
    use(setting) {
      params = { indexType: library.ZVecIndexType[type], ...queryOptions, ...setting };
    },
    search: (vector, topk) => collection.querySync({ fieldName: 'v', vector, topk, params, outputFields: [] }),
    found: (answer) => (answer as { id: string }[]).map(({ id }) => Number(id)),
  };
}
