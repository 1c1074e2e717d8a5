import type { Filter } from '../contract/filter.ts';
import type { Metric } from '../contract/metric.ts';
import type { IndexId } from '../kernel/ids.ts';

/**
 * What crosses between the gateway and a shard. Plain data and typed arrays: all vectors of a message lie in one Float32Array,
 * row-major, which must own its buffer (RPC ships a view's whole buffer). Metadata travels as the JSON text that is stored.
 */

/** What a shard is opened as. Every later call names the index id: a shard refuses calls meant for another index. */
export interface ShardIdentity {
  readonly indexId: IndexId;
  readonly dimensions: number;
  readonly metric: Metric;
}

/** Vectors to write. Columns have one item a vector; no (namespace, id) is there twice. */
export interface UpsertBatch {
  readonly indexId: IndexId;
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
  /** [ids.length x dimensions] */
  readonly values: Float32Array<ArrayBuffer>;
  readonly metadata: readonly (string | null)[];
  readonly texts: readonly (string | null)[];
  readonly repetition: Repetition | null;
}

/** Tells the repetition of a request from another request. */
export interface Repetition {
  readonly idempotencyKey: string;
  /** SHA-256 of what was asked, in hex. */
  readonly digest: string;
}

/** An acknowledged write: `count` vectors changed, visible to every read from now on. */
export interface Written {
  readonly count: number;
  readonly lsn: number;
}

/** Which columns an answer carries beside the ids. */
export interface Include {
  readonly values: boolean;
  readonly metadata: boolean;
  readonly text: boolean;
}

export interface ShardQuery {
  readonly indexId: IndexId;
  readonly target: QueryTarget;
  readonly namespace: string;
  readonly topK: number;
  /** Accepts the metadata of every match; null accepts all. */
  readonly filter: Filter | null;
  /** Never among the matches; ids that are not there are no matter. */
  readonly excludeIds: readonly string[];
  readonly include: Include;
}

export type QueryTarget =
  | { readonly kind: 'values'; readonly values: Float32Array<ArrayBuffer> }
  /** Around a stored vector of the namespace. */
  | { readonly kind: 'id'; readonly id: string }
  /** Like stored vectors and unlike others, which are never among the matches. At least one is positive. */
  | { readonly kind: 'examples'; readonly positive: readonly string[]; readonly negative: readonly string[] };

export interface ShardFetch {
  readonly indexId: IndexId;
  readonly namespace: string;
  readonly ids: readonly string[];
  readonly include: Include;
}

export interface ShardDelete {
  readonly indexId: IndexId;
  readonly selection: DeleteSelection;
}

export type DeleteSelection =
  | { readonly kind: 'ids'; readonly namespace: string; readonly ids: readonly string[] }
  | { readonly kind: 'all' }
  /** The vectors that the filter accepts, in slices: those in rows behind `after`, at first 0. */
  | { readonly kind: 'filter'; readonly namespace: string; readonly filter: Filter; readonly after: number };

/** A slice of a deletion; `next` is where the next slice goes on, or null at the end. */
export interface Deleted extends Written {
  readonly next: number | null;
}

/** Stored vectors as columns of `ids.length` items; a column that was not asked for is null. */
export interface VectorColumns {
  readonly ids: readonly string[];
  /** [ids.length x dimensions] */
  readonly values: Float32Array<ArrayBuffer> | null;
  readonly metadata: readonly (string | null)[] | null;
  readonly texts: readonly (string | null)[] | null;
}

export interface ShardVectors extends VectorColumns {
  readonly lsn: number;
}

/** Matches, closest first. */
export interface ShardMatches extends ShardVectors {
  readonly scores: readonly number[];
}

export interface ShardStats {
  readonly lsn: number;
  readonly count: number;
  readonly countMax: number;
  readonly namespaces: number;
  readonly storageBytes: number;
  readonly memoryBytes: number;
}
