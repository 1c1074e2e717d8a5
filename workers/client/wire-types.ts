import type * as z from 'zod';

import type { EndpointName, ENDPOINTS } from '../../src/contract/endpoints.ts';
import type { NewVector as ReadVector } from '../../src/contract/vectors/vectors.ts';

type Endpoints = typeof ENDPOINTS;

/** What the client calls: a row that differs from the endpoint table of the contract does not compile. */
export const CALLS = {
  createEmbeddings: { method: 'POST', path: '/v1/embeddings' },
  createIndex: { method: 'POST', path: '/v1/indexes' },
  deleteIndex: { method: 'DELETE', path: '/v1/indexes/:index' },
  queryVectors: { method: 'POST', path: '/v1/indexes/:index/query' },
  queryVectorsBatch: { method: 'POST', path: '/v1/indexes/:index/query/batch' },
  searchIndex: { method: 'POST', path: '/v1/indexes/:index/search' },
  searchIndexBatch: { method: 'POST', path: '/v1/indexes/:index/search/batch' },
  upsertVectors: { method: 'POST', path: '/v1/indexes/:index/upsert' },
  fetchVectors: { method: 'POST', path: '/v1/indexes/:index/fetch' },
  deleteVectors: { method: 'POST', path: '/v1/indexes/:index/delete' },
  purgeCache: { method: 'POST', path: '/v1/cache/purge' },
} as const satisfies { readonly [Name in EndpointName]?: Pick<Endpoints[Name], 'method' | 'path'> };

export type CallName = keyof typeof CALLS;

type BodyOf<Name extends CallName> = Endpoints[Name]['body'] extends { readonly schema: infer S extends z.core.$ZodType }
  ? z.input<S>
  : never;
export type ReplyOf<Name extends CallName> = Endpoints[Name]['reply'] extends { readonly schema: infer S extends z.core.$ZodType }
  ? z.output<S>
  : never;

/** The numbers of a vector. Float32Arrays are sent as they are. */
export type Vector = Float32Array | readonly number[];

export type Search = Omit<BodyOf<'queryVectors'>, 'vector'> & { readonly vector?: Vector };

/** The value of a field of the index: a text, a sparse vector, several vectors, or the last two as they were answered. */
export type NewFieldValue = string | readonly (readonly number[])[] | NonNullable<StoredVector['fields']>[string];

export type NewVector = Omit<ReadVector, 'values' | 'metadata' | 'namespace' | 'fields'> & {
  readonly namespace?: string;
  readonly values?: Vector;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly fields?: Readonly<Record<string, NewFieldValue>>;
};

export type FetchOptions = Omit<BodyOf<'fetchVectors'>, 'ids'>;
export type Deletion = BodyOf<'deleteVectors'>;
export type NewIndex = BodyOf<'createIndex'>;
export type Purge = BodyOf<'purgeCache'>;
/** Without cutting: the client answers vectors alone, and what was cut would not be counted. */
export type EmbeddingOptions = Omit<BodyOf<'createEmbeddings'>, 'input' | 'encoding_format' | 'truncate'>;
export type UpsertTerms = Pick<BodyOf<'upsertVectors'>, 'model' | 'truncate'>;

export type WithFloats<T> = Omit<T, 'values'> & { readonly values?: Float32Array };

export type Match = WithFloats<ReplyOf<'queryVectors'>['matches'][number]>;
export type SearchResult = Omit<ReplyOf<'queryVectors'>, 'matches'> & { readonly matches: Match[] };
export type StoredVector = WithFloats<ReplyOf<'fetchVectors'>['vectors'][number]>;
export type Upserted = ReplyOf<'upsertVectors'>;
export type Deleted = ReplyOf<'deleteVectors'>;
export type IndexDescription = ReplyOf<'createIndex'>;
export type PurgeReceipt = ReplyOf<'purgeCache'>;
