import type { IndexFields } from '../contract/indexes/index-fields.ts';
import type { Metric, RecallTarget } from '../contract/indexes/index-settings.ts';
import type { SearchSettings } from './search-settings.ts';
import type { IndexId, TenantId } from '../kernel/ids.ts';

/** What an index is. Nothing in it changes but the generation, the route version and the search settings. */
export interface IndexManifest {
  /** Random per creation: distinguishes an index from an earlier one of the same name. */
  readonly id: IndexId;
  readonly tenantId: TenantId;
  readonly name: string;
  /** 0: its rows have no vectors. */
  readonly dimensions: number;
  readonly metric: Metric;
  /** What searches are tuned to find. Absent: `RECALL_TARGET_DEFAULT`, as in indexes created before there was a choice. */
  readonly recall?: RecallTarget;
  /** What its rows have besides their vectors. Absent: nothing. */
  readonly fields?: IndexFields;
  /** The embedding contract the index is pinned to, if it was created with a model. */
  readonly embedding: PinnedEmbedding | null;
  /** What queries are pinned to when that is another contract, such as the other tower of a model of two. Absent: as the vectors. */
  readonly queryEmbedding?: PinnedEmbedding;
  /** The team that answers for it. */
  readonly owner: string;
  /** Seconds since the Unix epoch. */
  readonly createdS: number;
  /** The id of its first generation, which distinguishes it from an earlier or later index of its name. Absent in indexes made before 0.6.0. */
  readonly firstId?: IndexId;
  /** Counts the sets of vectors the index has served from, from 1. */
  readonly generation: number;
  /** The number of vectors from which on a shard is split. Absent: `shardBudget`. */
  readonly shardVectorsMax?: number;
  /** The version of its routing table, once it has several shards: see `RouteTable`. */
  readonly routeVersion?: number;
  /** How it is searched by `auto`, as its object answers when it is asked for the index. Absent: nothing was stored. */
  readonly searchSettings?: SearchSettings;
  /** Replicas: objects that answer reads in addition to the shards. Absent: none. */
  readonly replicas?: readonly ShardReplica[];
}

export interface PinnedEmbedding {
  readonly model: string;
  readonly contractHash: string;
  /** What was known of the model's quality in retrieval when the generation was made, as a share of BM25's. [M213] */
  readonly retrievalQuality?: number;
}

/** Identifies an index among others of its name, whichever of its generations serves. */
export const incarnationOf = ({ firstId, createdS }: Pick<IndexManifest, 'firstId' | 'createdS'>): string =>
  firstId ?? `created:${createdS}`;

/** What a vector is: one that is kept, or one that is searched around. */
export type EmbeddingUse = 'items' | 'queries';

/** The contract that vectors of a use must be made by, if the index is pinned to one. */
export const embeddingFor = ({ embedding, queryEmbedding }: IndexManifest, use: EmbeddingUse): PinnedEmbedding | null =>
  use === 'queries' ? (queryEmbedding ?? embedding) : embedding;

/** The models that its vectors, queries and fields are pinned to. */
export function modelsOf({
  embedding,
  queryEmbedding,
  fields = {},
}: Pick<IndexManifest, 'embedding' | 'queryEmbedding' | 'fields'>): string[] {
  const ofFields = Object.values(fields).flatMap((field) => (field.kind === 'text' || field.model === null ? [] : [field.model]));
  return [...[embedding, queryEmbedding].flatMap((pinned) => (pinned ? [pinned.model] : [])), ...ofFields];
}

/** The object name of an index's shard; the first is named as if it were the only one. The index id in it gives every creation its own. */
export const shardName = ({ tenantId, id }: Pick<IndexManifest, 'tenantId' | 'id'>, ordinal = 0): string =>
  ordinal === 0 ? `${tenantId}:${id}` : `${tenantId}:${id}:${ordinal}`;

/** The object name of a locator of an index. */
export const locatorName = ({ tenantId, id }: Pick<IndexManifest, 'tenantId' | 'id'>, ordinal: number): string =>
  `${tenantId}:${id}:${ordinal}`;

/** The object name of an index, live or not. */
export const indexObjectName = (tenantId: TenantId, name: string): string => `${tenantId}:${name}`;

/** One page of a tenant's indexes, by name. */
export interface IndexPage {
  readonly indexes: readonly IndexManifest[];
  readonly hasMore: boolean;
}

/** A read replica of one of an index's shards. */
export interface ShardReplica {
  readonly shard: number;
  /** Counts the replicas that the shard ever had: part of the object's name. */
  readonly replica: number;
  /** Where it was asked to be: a location hint of Cloudflare; null anywhere. */
  readonly location: string | null;
}

/** One of the objects that can answer for a shard: itself, or a replica. */
export interface ShardMember {
  readonly shard: number;
  readonly replica: number | null;
}

/** The object name of a replica, given that of its shard. */
export const replicaName = (primary: string, replica: number): string => `${primary}:r${replica}`;
