import { RowSet } from '../../../src/ann/filter/row-set.ts';
import type { FieldRows, RowFields } from '../../../src/ann/row-fields.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { summedStatistics } from '../../../src/index/fan-out/group-fields.ts';
import { must } from '../../../src/kernel/assert.ts';
import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';
import { atOnce } from '../../../src/kernel/stepped-work.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { Analysers } from '../../../src/text/fields/known-fields.ts';
import { SqliteRowFields } from '../../../src/text/fields/sqlite-row-fields.ts';
import { value } from '../../support/worlds/shard-world.ts';
import { sqliteStorage } from '../ann/sqlite-storage.ts';
import { NEAREST } from './text-contender.ts';

const INDEX = 'idx_bench' as IndexId;
const BATCH = 500;
const FIELD = 'text';
const ANALYSERS = new Analysers();
const TEXT_FIELD = { kind: 'text', analysis: analysisSettings.parse({ language: 'english' }), weight: 1, source: 'text' } as const;

interface TextShard {
  readonly storage: SqlStorage;
  readonly fields: RowFields;
  readonly namespace: number;
}

/** What texts take in shards, in bytes. */
export interface TextSizes {
  readonly texts: number;
  /** Lists, dictionaries, rows and lengths. */
  readonly postings: number;
  /** All of the shards' storage but the texts. */
  readonly besideTexts: number;
  readonly memory: number;
}

/** The texts of an index in shards with their stores, searched as shards and their gateway do, but without calls. */
export class TextShards {
  readonly #shards: readonly TextShard[];

  private constructor(shards: readonly TextShard[]) {
    this.#shards = shards;
  }

  /** In as few shards as take so many texts each. Rows have no vectors: their texts are searched as those of rows with vectors. */
  static filled(texts: readonly string[], shardTextsMax: number): TextShards {
    const count = Math.ceil(texts.length / shardTextsMax);
    const shards = Array.from({ length: count }, (_, shard) => filledShard(texts.filter((_text, at) => at % count === shard)));
    return new TextShards(shards);
  }

  /** The same shards anew, with so much memory for postings each. */
  withMemory(postingsBytesMax: number): TextShards {
    return new TextShards(this.#shards.map(({ storage }) => shardOver(storage, postingsBytesMax)));
  }

  get count(): number {
    return this.#shards.length;
  }

  /** Positions of the best texts, of all or those that a filter leaves. */
  search(query: string, among?: readonly FieldRows[]): number[] {
    const asked = { query: { kind: 'text', query, fields: [{ name: FIELD, weight: 1 }], k1: 1.2, b: 0.75 } } as const;
    const counted = this.#shards.map(({ fields, namespace }) => ({ ...value(atOnce(fields.statistics({ ...asked, namespace }))), lsn: 0 }));
    const statistics = summedStatistics(counted);
    const found = this.#shards.flatMap(({ fields, namespace }, shard) => {
      const { rows, scores } = value(atOnce(fields.search({ ...asked, namespace, statistics, among: among?.[shard], topK: NEAREST })));
      return rows.map((row, at) => ({ position: (row - 1) * this.count + shard, score: scores[at]! }));
    });
    if (this.count > 1) found.sort((a, b) => b.score - a.score || a.position - b.position);
    return found.slice(0, NEAREST).map(({ position }) => position);
  }

  /** The rows of each shard whose positions are accepted. */
  rowsOf(accepts: (position: number) => boolean): FieldRows[] {
    return this.#shards.map(({ storage }, shard) => {
      const { rows } = storage.sql.exec<{ rows: number }>('SELECT COUNT(*) AS rows FROM vectors').one();
      const all = Array.from({ length: rows }, (_, at) => at + 1);
      return RowSet.of(all.filter((row) => accepts((row - 1) * this.count + shard)));
    });
  }

  get sizes(): TextSizes {
    const sum = (query: string): number =>
      this.#shards.reduce((total, { storage }) => total + storage.sql.exec<{ bytes: number }>(`SELECT ${query} AS bytes`).one().bytes, 0);
    const texts = sum('(SELECT SUM(LENGTH(CAST(text AS BLOB))) FROM vectors)');
    const lists = '(SELECT SUM(LENGTH(first) + LENGTH(terms) + LENGTH(postings)) FROM posting_leaves)';
    const rows = '(SELECT SUM(LENGTH(rows)) FROM posting_segments) + (SELECT SUM(LENGTH(lengths)) FROM posting_columns)';
    const pages = '(SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size)';
    return {
      texts,
      postings: sum(`${lists} + ${rows}`),
      besideTexts: sum(pages) - texts,
      memory: this.#shards.reduce((total, { fields }) => total + fields.bytes, 0),
    };
  }
}

function filledShard(texts: readonly string[]): TextShard {
  const storage = sqliteStorage(':memory:');
  const store = storeOver(storage, INDEX_LIMITS.shardPostingsBytesMax);
  store.create({ indexId: INDEX, dimensions: 0, metric: 'cosine', fields: { [FIELD]: TEXT_FIELD } });
  const fields = must(store.fields, 'the shard has fields');
  for (let start = 0; start < texts.length; start += BATCH) {
    const batch = texts.slice(start, start + BATCH);
    const none = batch.map(() => null);
    const ids = batch.map((_, at) => String(start + at));
    const vectors = { values: new Float32Array(0), vectorless: batch.map(() => true) };
    const columns = { namespaces: batch.map(() => ''), metadata: none, texts: batch, repetition: null };
    store.upsert({ indexId: INDEX, ids, ...vectors, ...columns }, must(store.header(), 'the shard is open'), [], 0);
    while (fields.sweep());
  }
  return shardOver(storage, INDEX_LIMITS.shardPostingsBytesMax);
}

function shardOver(storage: SqlStorage, postingsBytesMax: number): TextShard {
  const store = storeOver(storage, postingsBytesMax);
  return {
    storage,
    fields: must(store.fields, 'the shard has fields'),
    namespace: must(store.namespaces.ordinalOf(''), 'the shard has rows'),
  };
}

const storeOver = (storage: SqlStorage, postingsBytesMax: number): VectorStore =>
  new VectorStore(
    storage,
    undefined,
    (over, rows) =>
      new SqliteRowFields(over, rows, ANALYSERS, {
        registry: new MemoryRegistry(postingsBytesMax),
        name: 'postings',
        bytesMax: postingsBytesMax,
      }),
  );
