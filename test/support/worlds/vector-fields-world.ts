import { encodeFloats } from '../../../src/ann/float32.ts';
import { compareScores, score } from '../../../src/ann/metric.ts';
import type { EngineResources } from '../../../src/ann/shard/engine-resources.ts';
import type { UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import type { IndexFields, VectorField } from '../../../src/contract/indexes/index-fields.ts';
import { toBase64 } from '../../../src/kernel/bytes.ts';
import { servedFields } from './served-fields.ts';
import { ShardWorld, smallFloor, value } from './shard-world.ts';
import { whole } from './whole-read.ts';

export const vectorField = (dimensions: number, metric: Metric = 'cosine'): VectorField => ({
  kind: 'vector',
  dimensions,
  metric,
  model: null,
});

/** What a row holds: vectors by the names of fields, as the gateway writes them. */
export const contentsOf = (vectors: Readonly<Record<string, Float32Array>>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(vectors).map(([name, vector]) => [name, { vector: toBase64(encodeFloats(vector)) }])));

/** What a row has in its fields. */
type Vectors = Readonly<Record<string, Float32Array>>;

export interface Asked {
  readonly field: string;
  readonly vector: Float32Array<ArrayBuffer>;
  readonly topK: number;
  readonly namespace?: string;
  readonly ids?: readonly string[];
}

/** A shard whose rows have vector fields, and what its searches must find. */
export class VectorFieldsWorld {
  readonly shard: ShardWorld;
  fields: IndexFields;
  // By namespace and id.
  readonly #rows = new Map<string, Map<string, Vectors>>();

  constructor(fields: IndexFields, bytesMax = 1 << 22) {
    const floor = smallFloor(bytesMax);
    this.fields = fields;
    this.shard = new ShardWorld(floor, { dimensions: 2, metric: 'dot', fields }, 'v', (storage, rows) =>
      servedFields(this.shard?.floor ?? floor, 'v')(storage, rows),
    );
  }

  get floor(): EngineResources {
    return this.shard.floor;
  }

  put(vectors: Readonly<Record<string, Vectors>>, namespace = '', more: Partial<UpsertBatch> = {}): void {
    const rows = this.#rows.get(namespace) ?? new Map<string, Vectors>();
    this.#rows.set(namespace, rows);
    const ids = Object.keys(vectors);
    value(
      this.shard.shard.upsert(
        {
          indexId: this.shard.identity.indexId,
          ids,
          namespaces: ids.map(() => namespace),
          values: new Float32Array(2 * ids.length),
          metadata: ids.map(() => null),
          texts: ids.map(() => null),
          contents: Object.values(vectors).map(contentsOf),
          repetition: null,
          ...more,
        },
        0,
      ),
    );
    for (const id of ids) rows.set(id, vectors[id] ?? {});
  }

  remove(ids: readonly string[], namespace = ''): void {
    value(this.shard.shard.delete({ indexId: this.shard.identity.indexId, selection: { kind: 'ids', namespace, ids } }));
    for (const id of ids) this.#rows.get(namespace)?.delete(id);
  }

  clear(): void {
    value(this.shard.shard.delete({ indexId: this.shard.identity.indexId, selection: { kind: 'all' } }));
    this.#rows.clear();
  }

  define(fields: IndexFields): void {
    this.fields = fields;
    this.shard.shard.open({ ...this.shard.identity, fields });
  }

  ids(namespace = ''): string[] {
    return [...(this.#rows.get(namespace)?.keys() ?? [])];
  }

  sweep(): void {
    while (this.shard.store.fields?.sweep() === true);
  }

  /** Ids and scores, and what that took. */
  search({ field, vector, topK, namespace = '', ids }: Asked) {
    return value(
      whole(
        this.shard.shard.searchFields({
          indexId: this.shard.identity.indexId,
          query: { kind: 'vector', field, vector },
          namespace,
          topK,
          filter: ids === undefined ? null : { kind: 'ids', ids },
          excludeIds: [],
          include: { values: false, metadata: false, text: false },
          explain: true,
        }),
      ),
    );
  }

  /** The same by brute force. */
  expected({ field, vector, topK, namespace = '', ids }: Asked): { readonly ids: string[]; readonly scores: number[] } {
    const { metric } = this.fields[field] as VectorField;
    const found = [...(this.#rows.get(namespace) ?? [])]
      .flatMap(([id, { [field]: stored }]) =>
        stored === undefined || ids?.includes(id) === false ? [] : [{ id, score: score(metric, vector, stored) }],
      )
      .sort((a, b) => compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1))
      .slice(0, topK);
    return { ids: found.map(({ id }) => id), scores: found.map((one) => one.score) };
  }
}
