import type { Filter } from '../contract/vectors/filter.ts';
import type { IndexFields } from '../contract/indexes/index-fields.ts';
import type { Metric, RecallTarget } from '../contract/indexes/index-settings.ts';
import type { TextQuery } from '../contract/vectors/text-query.ts';
import type { IndexId } from '../kernel/ids.ts';
import type { Addressed } from './access-mode.ts';
import type { ListingStart } from './id-order.ts';
import type { FieldQuery, Fragment, HighlightOptions, PostingsWork, TermStatistics } from './row-fields.ts';
import type { SearchCost } from './search-cost.ts';
import type { Vectors } from './stored-vector.ts';
import type { VectorEdit } from './vector-edit.ts';

/**
 * What crosses between the gateway and a shard. Plain data and typed arrays: all vectors of a message lie in one Float32Array,
 * row-major, which must own its buffer (RPC ships a view's whole buffer). Metadata travels as the JSON text that is stored.
 */

/** What a shard is opened as. Every later call names the index id: a shard refuses calls meant for another index. */
export interface ShardIdentity {
  readonly indexId: IndexId;
  readonly dimensions: number;
  readonly metric: Metric;
  /** What the shard's searches are tuned to find. Absent: `RECALL_TARGET_DEFAULT`, as in shards opened before there was a choice. */
  readonly recall?: RecallTarget;
  /** What its rows have besides their vectors. Absent: nothing. */
  readonly fields?: IndexFields;
}

/** The route by which a call reached a shard. */
export interface Routed {
  /** The version of the routing table that they were routed by; absent: 0. See `RouteTable`. */
  readonly routeVersion?: number;
}

export interface Read extends Routed {
  /** How long the caller waits for it from now on. Absent: as long as a query may take. */
  readonly budgetMs?: number;
}

/** What a read takes besides its vector: its other fields, its call, and what resumes it. */
const READ_BYTES = 2_048;

/** About what a read holds in memory while it waits. */
export function heldBytes({ target, query }: Read & { readonly target?: QueryTarget; readonly query?: FieldQuery | TextQuery }): number {
  const point = target?.kind === 'values' ? target.values : undefined;
  const ofField = typeof query === 'object' && 'vector' in query ? query.vector : undefined;
  return READ_BYTES + (point?.byteLength ?? 0) + (ofField?.byteLength ?? 0);
}

/** Rows to write. Columns have one item a row; no (namespace, id) is there twice. */
export interface UpsertBatch extends Routed, Addressed, Vectors {
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
  readonly metadata: readonly (string | null)[];
  readonly texts: readonly (string | null)[];
  /** JSON text of each row's values by field name. Absent: none has any. */
  readonly contents?: readonly (string | null)[];
  /** Which are spilled copies: other shards have the rows that their ids count by. Absent: none. */
  readonly copies?: readonly boolean[];
  /** The versions of the writes by which they came; absent: 0, as in an index of one shard. See `RowKeys`. */
  readonly versions?: readonly number[];
  readonly repetition: Repetition | null;
  /** An LSN of the index that the writer has seen: the write gets a higher one. */
  readonly lsnSeen?: number;
}

/** Identifies the repetition of a request. */
export interface Repetition {
  readonly idempotencyKey: string;
  /** SHA-256 of what was asked, in hex. */
  readonly digest: string;
  /** What this try took to embed. Absent: nothing. */
  readonly embedded?: Embedded;
}

/** Tokens that a model computed for a request; those whose vectors were cached are not in `tokens` alone. */
export interface Embedded {
  readonly tokens: number;
  readonly cachedTokens: number;
}

/** What a request under an `Idempotency-Key` is billed as: what its first try took, under an id that no other request has. */
export interface Billing extends Embedded {
  readonly usageId: string;
}

/** An acknowledged write: `count` vectors changed, visible to every read from now on. */
export interface Written {
  readonly count: number;
  readonly lsn: number;
  /** What a write under an `Idempotency-Key` is billed as, the same for every repetition. Absent: the key was claimed by an earlier version. */
  readonly billing?: Billing;
}

/** Which columns an answer carries besides the ids. */
export interface Include {
  readonly values: boolean;
  readonly metadata: boolean;
  readonly text: boolean;
  /** Absent: not included. */
  readonly contents?: boolean;
}

/** Whether an answer carries ids alone. */
export const isBare = ({ values, metadata, text, contents = false }: Include): boolean => !(values || metadata || text || contents);

export interface ShardQuery extends Read, Addressed {
  readonly target: QueryTarget;
  readonly namespace: string;
  readonly topK: number;
  /** Accepts the metadata of every match; null accepts all. */
  readonly filter: Filter | null;
  /** Never among the matches; ids that are not there are no matter. */
  readonly excludeIds: readonly string[];
  readonly include: Include;
  /** Chooses the matches among more candidates; see `maximalMarginalRelevance`. */
  readonly mmr?: Diversification | undefined;
  /** Exhaustive, whatever the shard is tuned to. */
  readonly exact?: boolean;
  /** Whether to answer an explanation. */
  readonly explain?: boolean;
  /** Where the caller is: a location hint of Cloudflare. */
  readonly near?: string;
  /** If what is included takes more, the answer is bare. Absent: then the query is refused where it takes more than any answer may. */
  readonly columnsBytesMax?: number;
}

export interface Diversification {
  /** From 0 to 1. */
  readonly diversity: number;
  /** At least `topK`. */
  readonly candidates: number;
}

export type QueryTarget = { readonly kind: 'values'; readonly values: Float32Array<ArrayBuffer> } | StoredTarget;

export type StoredTarget =
  /** Around a stored vector of the namespace. */
  | { readonly kind: 'id'; readonly id: string }
  /** Like stored vectors and unlike others, which are never among the matches. At least one is positive. */
  | { readonly kind: 'examples'; readonly positive: readonly string[]; readonly negative: readonly string[] };

export interface ShardFetch extends Read, Addressed {
  readonly namespace: string;
  readonly ids: readonly string[];
  readonly include: Include;
}

/** Asks for the namespaces behind one, in the order of their code points. */
export interface ShardNamespaces extends Routed, Addressed {
  /** Null: from the first. */
  readonly after: string | null;
  readonly limit: number;
}

/** Namespaces that hold vectors. Of several shards, pages are merged up to the first of their last names. */
export interface NamespacePage {
  readonly names: readonly string[];
  readonly hasMore: boolean;
  readonly lsn: number;
}

export interface ShardDelete extends Routed, Addressed {
  readonly selection: DeleteSelection;
  /** An LSN of the index that the writer has seen: the write gets a higher one. */
  readonly lsnSeen?: number;
}

export type DeleteSelection =
  | { readonly kind: 'ids'; readonly namespace: string; readonly ids: readonly string[] }
  | { readonly kind: 'all' }
  /** The vectors that the filter accepts, in slices: those in rows behind `after`, at first 0. */
  | { readonly kind: 'filter'; readonly namespace: string; readonly filter: Filter; readonly after: number };

/** Asks for the vectors that a filter accepts, in slices: those in rows behind `after`, at first 0. */
export interface ShardSelect extends Routed, Addressed {
  readonly namespace: string;
  readonly filter: Filter;
  readonly after: number;
}

/** A slice of a selection; `next` is where the next slice continues, or null at the end. */
export interface SelectedIds {
  readonly ids: readonly string[];
  readonly versions: readonly number[];
  readonly next: number | null;
  readonly lsn: number;
}

/** A slice of a deletion; `next` is where the next slice continues, or null at the end. */
export interface Deleted extends Written {
  readonly next: number | null;
}

/** Stored vectors as columns of `ids.length` items; a column that was not asked for is null. */
export interface VectorColumns {
  readonly ids: readonly string[];
  /** [ids.length x dimensions] */
  readonly values: Float32Array<ArrayBuffer> | null;
  /** With values: which rows have no vector, as in `Vectors`. */
  readonly vectorless?: readonly boolean[];
  readonly metadata: readonly (string | null)[] | null;
  readonly texts: readonly (string | null)[] | null;
  /** Absent: not asked for. */
  readonly contents?: readonly (string | null)[];
  /** Set by shards of a grown index: of rows with the same id, the highest is the newest. */
  readonly versions?: readonly number[];
}

export interface ShardVectors extends VectorColumns {
  readonly lsn: number;
}

/** Matches, closest first. */
export interface ShardMatches extends ShardVectors {
  readonly scores: readonly number[];
  /** Whether it has ids and scores alone, whatever was to be included: the rest is fetched of the matches that are left in the end. */
  readonly isBare?: true;
  /** Shards that may have closer vectors and did not answer in time; absent: none. */
  readonly missing?: readonly number[];
  /** Present when it was asked for. */
  readonly explanation?: Explanation;
}

/** A leg over the fields of rows. Refused by name: a field that the index does not have, or that is still built. */
export interface ShardFieldSearch extends Read, Addressed {
  readonly query: FieldQuery;
  readonly namespace: string;
  readonly topK: number;
  /** Accepts the metadata of every match; null accepts all. */
  readonly filter: Filter | null;
  /** Never among the matches. */
  readonly excludeIds: readonly string[];
  readonly include: Include;
  /** Of the whole index. Absent: of what answers, which is one and the same where an index has one shard. */
  readonly statistics?: TermStatistics;
  /** Without statistics, of which rows they are: all of the namespace, or those that the filter accepts. Absent: all. */
  readonly statisticsOf?: 'index' | 'filter';
  readonly explain?: boolean;
  /** If what is included takes more, the answer is bare. Absent: then the search is refused where it takes more than any answer may. */
  readonly columnsBytesMax?: number;
}

/** Asks for the counts that a search's scores depend on: of the rows that the filter accepts, or of all of the namespace. */
export type ShardStatistics = Pick<ShardFieldSearch, keyof Read | keyof Addressed | 'query' | 'namespace' | 'filter'>;

export interface CountedTerms extends TermStatistics {
  readonly lsn: number;
  /** Shards that are not in the sums; absent: none. */
  readonly missing?: readonly number[];
}

/** Asks where the texts of some rows match a query. */
export interface ShardHighlight extends Read, Addressed {
  readonly namespace: string;
  readonly ids: readonly string[];
  readonly query: TextQuery;
  /** The text fields to look at. */
  readonly fields: readonly string[];
  readonly options: HighlightOptions;
}

/** The fragments of rows that are there, by id and field. A field without a match has none. */
export interface HighlightedRows {
  readonly rows: readonly HighlightedRow[];
  readonly lsn: number;
}

export interface HighlightedRow {
  readonly id: string;
  readonly fields: readonly { readonly name: string; readonly fragments: readonly Fragment[] }[];
}

/** Asks for vectors of the namespace in the order of `compareIds`. */
export interface ShardList extends Routed, Addressed {
  readonly namespace: string;
  readonly filter: Filter | null;
  /** Null: at the first. */
  readonly start: ListingStart | null;
  /** At least 1. */
  readonly limit: number;
  readonly include: Include;
}

/**
 * Some vectors of a listing, `limit` at most, perhaps none. Of several shards, pages are merged up to the first of their `next`, and
 * copies of one id are one vector.
 */
export interface ListedVectors extends ShardVectors {
  /** The id after which the listing continues; up to it nothing is missing. Null: nothing is missing at all. */
  readonly next: string | null;
}

export interface ShardCount extends Routed, Addressed {
  readonly namespace: string;
  readonly filter: Filter | null;
}

/** How many vectors the filter accepts. Each of several shards counts the vectors of which it is the first shard. */
export interface Counted {
  readonly count: number;
  readonly lsn: number;
}

/**
 * Changes stored vectors. Each is read, changed and written at once: of several shards, that takes what serialises the writes of an
 * id, and new values may lead to other shards.
 */
export interface ShardPatch extends Routed, Addressed {
  readonly namespace: string;
  /** No id twice. */
  readonly ids: readonly string[];
  /** Changes only those of the ids whose vectors it accepts now; null: all. */
  readonly filter: Filter | null;
  readonly edit: VectorEdit;
}

/** A slice of a change, all or nothing: the first `taken` of the ids are done, `count` vectors were changed. */
export interface Patched extends Written {
  readonly taken: number;
  /** The ids that do not exist. */
  readonly missing: readonly string[];
}

/** How a query was answered. */
export interface Explanation extends SearchCost {
  /** `rows`: the few vectors that could be found were read, without an engine. `lists`: posting lists, of vectors or of the terms of fields. */
  readonly engine: 'flat' | 'lists' | 'rows';
  /** Of a leg over fields. */
  readonly postings?: PostingsWork;
  /** The filter and the exclusions together; null when there was neither. */
  readonly filter: FilterUse | null;
}

export interface FilterUse {
  /** How many vectors it was taken to leave, if that was estimated beforehand. */
  readonly estimatedRows: number | null;
  /** How many vectors it left; null when it named those to leave out. */
  readonly selectedRows: number | null;
  /** Whether its vectors were read one by one, or what the engine found was held against it. */
  readonly applied: 'rows' | 'scan';
}

/** Asks for stored vectors drawn at random: the same ones for the same vectors and seed. */
export interface ShardSample extends Routed, Addressed {
  readonly namespace: string;
  readonly count: number;
  /** 32 bits. */
  readonly seed: number;
}

export interface SampledIds {
  readonly ids: readonly string[];
  /** How many vectors a shard drew them from. */
  readonly of?: number;
  readonly lsn: number;
}

/** Asks what searches around stored vectors find of their nearest; ids that are not there are passed over. */
export interface ShardRecall extends Routed, Addressed {
  readonly namespace: string;
  readonly ids: readonly string[];
  readonly topK: number;
  readonly filter: Filter | null;
}

/** A slice of a measurement: the first `taken` of the ids are done. */
export interface RecallSlice {
  readonly samples: readonly SampleRecall[];
  readonly taken: number;
  /** Of all its searches as queries do them. */
  readonly cost: SearchCost;
  /** Of all its exact searches. */
  readonly exactCost: SearchCost;
}

/** How many of its nearest the search around one vector found; there is at least one. */
export interface SampleRecall {
  readonly id: string;
  readonly found: number;
  readonly of: number;
}

export interface ShardStats {
  readonly lsn: number;
  readonly count: number;
  readonly shards: number;
  /** The number of replicas that answer reads which accept old data; absent: as in the manifest. */
  readonly replicas?: number;
  readonly namespaces: number;
  readonly storageBytes: number;
  readonly memoryBytes: number;
}
