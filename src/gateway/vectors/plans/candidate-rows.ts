import { containedVector } from '../../../ann/field-vectors/contained-vector.ts';
import type { Include, VectorColumns } from '../../../ann/shard-protocol.ts';
import type { JsonValue } from '../../../contract/api/json-value.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { ReadConsistency } from '../../../ann/replication/read-consistency.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { ShardSet } from '../../../index/shards/index-shards.ts';
import { must } from '../../../kernel/assert.ts';
import { ok } from '../../../kernel/result.ts';
import type { Due } from './due.ts';

/** One column of stored rows by id; rows that are gone are not in it. */
type Column<T> = ReadonlyMap<string, T>;

interface RowsOf {
  readonly manifest: IndexManifest;
  readonly shards: ShardSet;
  readonly namespace: string;
  readonly consistency: ReadConsistency;
  readonly due: Due;
}

const NONE: Include = { values: false, metadata: false, text: false };

/**
 * What is stored of the candidates of a plan, read as stages ask for it: of each id, a column once. Refuses as shards do, and with
 * `deadline_exceeded`.
 */
export class CandidateRows {
  readonly #of: RowsOf;
  readonly #metadata = new Map<string, JsonValue>();
  readonly #texts = new Map<string, string | null>();
  #lsn: number | undefined;

  constructor(of: RowsOf) {
    this.#of = of;
  }

  /** The write up to which all that was read is complete; undefined: nothing was. */
  get lsn(): number | undefined {
    return this.#lsn;
  }

  /** Parsed; of a row without any, null. */
  metadata(ids: readonly string[]): Promise<Outcome<Column<JsonValue>>> {
    return this.#column(
      ids,
      this.#metadata,
      { ...NONE, metadata: true },
      ({ metadata }, at) => JSON.parse(metadata?.[at] ?? 'null') as JsonValue,
    );
  }

  texts(ids: readonly string[]): Promise<Outcome<Column<string | null>>> {
    return this.#column(ids, this.#texts, { ...NONE, text: true }, ({ texts }, at) => texts?.[at] ?? null);
  }

  values(ids: readonly string[]): Promise<Outcome<Column<Float32Array>>> {
    const { dimensions } = this.#of.manifest;
    return this.#column(ids, new Map<string, Float32Array>(), { ...NONE, values: true }, ({ values }, at) =>
      must(values, 'values were asked for').subarray(at * dimensions, (at + 1) * dimensions),
    );
  }

  /** Of a vector field; zeros where a row has none. */
  vectors(ids: readonly string[], field: string, dimensions: number): Promise<Outcome<Column<Float32Array>>> {
    return this.#column(
      ids,
      new Map<string, Float32Array>(),
      { ...NONE, contents: true },
      ({ contents }, at) => containedVector({ contents: contents?.[at] ?? null }, field, dimensions) ?? new Float32Array(dimensions),
    );
  }

  /** JSON text of the rows' fields. */
  contents(ids: readonly string[]): Promise<Outcome<Column<string | null>>> {
    return this.#column(ids, new Map<string, string | null>(), { ...NONE, contents: true }, ({ contents }, at) => contents?.[at] ?? null);
  }

  async #column<T>(
    ids: readonly string[],
    known: Map<string, T>,
    include: Include,
    valueOf: (columns: VectorColumns, at: number) => T,
  ): Promise<Outcome<Column<T>>> {
    const { manifest, shards, namespace, consistency, due } = this.#of;
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length === 0) return ok(known);
    const fetch = { indexId: manifest.id, namespace, ids: unknown, include };
    const fetched = await due.within('what is stored of the candidates', () => shards.fetch(fetch, consistency));
    if (!fetched.ok) return fetched;
    this.#lsn = Math.min(this.#lsn ?? Infinity, fetched.value.lsn);
    for (const [at, id] of fetched.value.ids.entries()) known.set(id, valueOf(fetched.value, at));
    return ok(known);
  }
}
